package github

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"

	api "github.com/google/go-github/v62/github"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-dev/slipway/internal/bounded"
)

// Bounds on the artifacts of one run, in bytes: as they come, all files together, and each one; and on how many files are looked at.
const (
	maxZip   = 25 << 20
	maxFiles = 200 << 20
	maxFile  = 8 << 20
	maxNames = 20_000
)

// downloads is how many artifacts are fetched at once.
const downloads = 6

// Reports writes the files below the artifacts of a run whose names begin with prefix to the folder to: those that wanted agrees with, by their
// slash-separated path. Of artifacts with one name the newest counts. All other files are passed over; a path that two artifacts hold is an error.
func (r *Repository) Reports(ctx context.Context, run int64, prefix string, wanted func(name string) bool, to string) error {
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	found := map[string]*api.Artifact{}
	err = pages(fmt.Sprintf("the artifacts of run %d", run), func(page api.ListOptions) (*api.Response, error) {
		list, resp, err := r.client.Actions.ListWorkflowRunArtifacts(ctx, r.owner, r.name, run, &page)
		if err != nil {
			return nil, err
		}
		for _, a := range list.Artifacts {
			if strings.HasPrefix(a.GetName(), prefix) && !a.GetExpired() && found[a.GetName()].GetID() < a.GetID() {
				found[a.GetName()] = a
			}
		}
		return resp, nil
	})
	if err != nil {
		return err
	}
	left := budget{bytes: maxFiles, names: maxNames}
	var mu sync.Mutex // over what is left, and so over one archive at a time
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(downloads)
	for name, a := range found {
		group.Go(func() error {
			data, err := r.download(ctx, a)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				err = left.extract(data, wanted, root)
			}
			if err != nil {
				return fmt.Errorf("the artifact %q of run %d: %w", name, run, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// download returns the bytes of an artifact. They lie elsewhere, at an address that needs no token and gets none.
func (r *Repository) download(ctx context.Context, a *api.Artifact) ([]byte, error) {
	address, _, err := r.client.Actions.DownloadArtifact(ctx, r.owner, r.name, a.GetID(), 1)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := plainClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it is answered with %s", resp.Status)
	}
	return bounded.Read(resp.Body, maxZip)
}

// budget is what may still be read.
type budget struct {
	bytes int64
	names int
}

// extract writes the wanted files of a zip archive below root.
func (b *budget) extract(archive []byte, wanted func(string) bool, root *os.Root) error {
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return err
	}
	if b.names -= len(files.File); b.names < 0 {
		return fmt.Errorf("more than %d files", maxNames)
	}
	for _, file := range files.File {
		if !fs.ValidPath(file.Name) || !file.Mode().IsRegular() || !wanted(file.Name) {
			continue
		}
		content, err := file.Open()
		if err != nil {
			return fmt.Errorf("%q: %w", file.Name, err)
		}
		data, err := bounded.Read(content, min(b.bytes, maxFile))
		if err != nil {
			return fmt.Errorf("%q: %w", file.Name, err)
		}
		b.bytes -= int64(len(data))
		if err := write(root, file.Name, data); err != nil {
			return err
		}
	}
	return nil
}

func write(root *os.Root, name string, data []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	return f.Close()
}
