package catalog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/observation"
	"github.com/slipway-dev/slipway/internal/staging"
)

// batch is how many entries one evaluator judges before it is replaced: it keeps in memory all that it ever saw.
const batch = 32

// Options says what Load checks besides the entries themselves. The zero value checks nothing more.
type Options struct {
	// Files names the files that belong beside an entry, such as its lock. Any other one is then a problem. It reports false where the folder
	// may hold anything.
	Files func(e entry.Entry) (names []string, bounded bool)
	// CheckLock returns why the lock files in dir, the folder of the item, no longer pin what the entry says. Each error that is a *Problem
	// is reported as it is, with its File relative to dir. It must be safe for concurrent use.
	CheckLock func(ctx context.Context, item Item, dir fs.FS) []error
	// Observed reports whether an entry must have a tools.json. Where it is set, one that is not in its canonical form is a problem of any
	// entry.
	Observed func(e entry.Entry) bool
}

// Load reads the catalog in the folder root. Its error is Problems, holding everything that is wrong in the files, or another error where
// the folder can't be read at all. With Problems comes the catalog of all entries that could be read, so that one bad entry does not hide
// the others.
func Load(ctx context.Context, root string, opts Options) (*Catalog, error) {
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open the catalog: %w", err)
	}
	defer dir.Close()
	definitions, err := definitionsOf(dir)
	if err != nil {
		return nil, err
	}
	folders, problems, err := tree(dir)
	if err != nil {
		return nil, err
	}
	c := &Catalog{Root: root}
	j, err := newJudge(definitions)
	if err != nil {
		return nil, err
	}
	problems = append(problems, loadSettings(j, dir, &c.Settings)...)

	items := make([]*Item, len(folders))
	wrong := make([]Problems, len(folders))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	first := make(chan *judge, 1)
	first <- j
	for from := 0; from < len(folders); from += batch {
		group.Go(func() (err error) {
			var j *judge
			select {
			case j = <-first:
			default:
				if j, err = newJudge(definitions); err != nil {
					return err
				}
			}
			for k := from; k < min(from+batch, len(folders)); k++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				items[k], wrong[k] = loadItem(ctx, j, dir, folders[k], opts)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for k, item := range items {
		problems = append(problems, wrong[k]...)
		if item != nil {
			c.Items = append(c.Items, *item)
		}
	}
	slices.SortFunc(c.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Entry.Kind, b.Entry.Kind), cmp.Compare(a.Entry.Name, b.Entry.Name))
	})
	problems = append(problems, checkTogether(c.Items)...)
	if len(problems) > 0 {
		return c, problems.sorted()
	}
	return c, nil
}

// loadSettings reads catalog.cue.
func loadSettings(j *judge, dir *os.Root, out *Settings) Problems {
	body, err := read(dir, SettingsFile, maxFileSize)
	if err != nil {
		return Problems{{File: SettingsFile, Message: err.Error()}}
	}
	s := parse(SettingsFile, "catalog", body)
	s.expect("#Catalog")
	if len(s.problems) == 0 {
		j.decode(s, out)
	}
	return s.problems
}

// loadItem reads one entry and checks what lies beside it. The item is nil where the entry itself is not valid.
func loadItem(ctx context.Context, j *judge, root *os.Root, f folder, opts Options) (*Item, Problems) {
	item := &Item{Dir: f.dir, File: path.Join(f.dir, EntryFile)}
	body, err := read(root, item.File, maxFileSize)
	if err != nil {
		return nil, Problems{{File: item.File, Message: err.Error()}}
	}
	s := parse(item.File, "entry", body)
	s.expect(definitions[f.kind])
	if len(s.problems) == 0 {
		j.decode(s, &item.Entry)
	}
	if len(s.problems) > 0 {
		return nil, s.problems
	}
	item.where = s.where
	var problems Problems
	if name := path.Base(f.dir); item.Entry.Name != name {
		problems = append(problems, item.problem("name", "is %q in a folder called %q; make the two agree", item.Entry.Name, name))
	}
	return item, append(problems, checkFolder(ctx, root, *item, opts)...)
}

// checkFolder checks the files beside an entry.
func checkFolder(ctx context.Context, root *os.Root, item Item, opts Options) Problems {
	var problems Problems
	if opts.Files != nil {
		if names, bounded := opts.Files(item.Entry); bounded {
			problems = append(problems, checkStrays(root, item, names)...)
		}
	}
	if opts.Observed != nil {
		problems = append(problems, checkObservation(root, item, opts.Observed(item.Entry))...)
	}
	if opts.CheckLock != nil {
		problems = append(problems, checkLock(ctx, root, item, opts)...)
	}
	return problems
}

func checkStrays(root *os.Root, item Item, locks []string) Problems {
	all, err := list(root, item.Dir)
	if err != nil {
		return Problems{{File: item.Dir, Message: "can't be listed: " + err.Error()}}
	}
	var problems Problems
	known := append([]string{EntryFile, ObservationFile, ReleaseFile}, locks...)
	for _, d := range all {
		// A command that was killed may have left a file that it was writing. That keeps nobody from going on.
		expected := slices.Contains(known, d.Name()) || staging.Leftover(d.Name(), known...)
		if !isNote(d) && (!expected || !d.Type().IsRegular()) {
			problems = append(problems, &Problem{File: path.Join(item.Dir, d.Name()), Message: "is no part of an entry of this kind; remove it"})
		}
	}
	return problems
}

func checkObservation(root *os.Root, item Item, required bool) Problems {
	name := path.Join(item.Dir, ObservationFile)
	body, err := read(root, name, observation.MaxSize)
	if errors.Is(err, fs.ErrNotExist) && !required {
		return nil
	}
	if err != nil {
		return Problems{{File: name, Message: err.Error() + "; write it with: catalogctl inspect " + item.Entry.ID()}}
	}
	o, err := observation.Decode(bytes.NewReader(body))
	if err != nil {
		return Problems{{File: name, Message: err.Error() + "; write it anew with: catalogctl inspect " + item.Entry.ID()}}
	}
	if canonical, err := observation.Encode(o); err != nil || !bytes.Equal(canonical, body) {
		return Problems{{File: name, Message: "is not in its canonical form; don't edit it, write it anew with: catalogctl inspect " + item.Entry.ID()}}
	}
	return nil
}

func checkLock(ctx context.Context, root *os.Root, item Item, opts Options) Problems {
	dir, err := root.OpenRoot(item.Dir)
	if err != nil {
		return Problems{{File: item.Dir, Message: "can't be opened: " + err.Error()}}
	}
	defer dir.Close()
	var problems Problems
	for _, err := range opts.CheckLock(ctx, item, dir.FS()) {
		var p *Problem
		if !errors.As(err, &p) {
			p = &Problem{Message: err.Error()}
		}
		located := *p
		located.File = path.Join(item.Dir, p.File)
		problems = append(problems, &located)
	}
	return problems
}
