package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/github"
	"github.com/slipway-dev/slipway/internal/staging"
)

// plan is what plan prints. Include is what a GitHub workflow takes as its matrix, one job an entry; Shards one with a job a shard.
type plan struct {
	Include []planned        `json:"include"`
	Shards  []shard          `json:"shards"`
	Removed []change.Name    `json:"removed"`
	Renamed []change.Renamed `json:"renamed"`
}

// planned is an entry to look at again.
type planned struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Entry   string `json:"entry"` // kind/name
	Shard   int    `json:"shard"`
	Because string `json:"because"`
}

// shard is the entries that stay together, however many others there are.
type shard struct {
	Shard   int    `json:"shard"`
	Entries string `json:"entries"` // kind/name of each, with spaces between
}

// maxShards is how many jobs GitHub makes of one matrix.
const maxShards = 256

func (a *app) planCommand() *cobra.Command {
	var shards int
	var file string
	var outputs bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say which entries are affected by what changed",
		Long: `Plan compares the working tree with a commit and says which entries must be judged again: those whose folder changed, those on a base that
changed, and all of them if what all share did: the definitions, the settings, or the builder itself. Removed and renamed entries are named.

With --json it prints one object, whose "include" is a matrix for a GitHub workflow, one job an entry, and whose "shards" is one with the entries
dealt out over N jobs; an entry stays in its shard.`,
		Args: cobra.NoArgs,
	}
	selected := changedSince(cmd)
	cmd.Flags().IntVar(&shards, "shards", 1, "deal entries out over `N` shards, at most 256")
	cmd.Flags().StringVar(&file, "file", "", "also write the plan, as --json prints it, to `FILE`")
	cmd.Flags().BoolVar(&outputs, "github-output", false, "in a GitHub workflow, also set the outputs include, which is empty if there are more entries than jobs in a matrix, and many, which is true then")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if shards < 1 || shards > maxShards {
			return fmt.Errorf("--shards %d: want 1 to %d", shards, maxShards)
		}
		line, stop, err := a.open(cmd.Context(), flow.Checks{})
		if err != nil {
			return err
		}
		stop()
		effect, err := selected(cmd.Context(), line)
		if err != nil {
			return err
		}
		p := newPlan(effect, shards)
		if file != "" {
			if err := p.write(file); err != nil {
				return err
			}
		}
		if outputs {
			if err := p.setOutputs(); err != nil {
				return err
			}
		}
		return a.print(p, func() string { return p.text(len(line.Catalog.Items)) })
	}
	return cmd
}

// changedSince adds the flags that choose entries by what changed, and returns what chooses them.
func changedSince(cmd *cobra.Command) func(context.Context, *flow.Line) (change.Effect, error) {
	const last = "since-last-release"
	rev := cmd.Flags().String("changed-since", "", "only entries that are affected by what differs between commit `REV` and the working tree; all if REV is empty")
	since := cmd.Flags().Bool(last, false, "in a GitHub workflow, as --changed-since with the commit of its last run on this branch that succeeded; all if none did")
	cmd.MarkFlagsMutuallyExclusive("changed-since", last)
	return func(ctx context.Context, line *flow.Line) (change.Effect, error) {
		if *since {
			repository, err := github.Open(os.Getenv)
			if err != nil {
				return change.Effect{}, fmt.Errorf("--%s: %w", last, err)
			}
			if *rev, err = repository.LastSuccess(ctx, os.Getenv); err != nil {
				return change.Effect{}, fmt.Errorf("--%s: %w", last, err)
			}
		}
		if *rev == "" {
			var all change.Effect
			for _, item := range line.Buildable() {
				name := change.Name{Kind: item.Entry.Kind, Name: item.Entry.Name}
				all.Entries = append(all.Entries, change.Affected{Name: name, Because: "every entry was asked for"})
			}
			return all, nil
		}
		files, err := change.Since(ctx, line.Root, *rev)
		if err != nil {
			return change.Effect{}, err
		}
		return change.Of(files, line.Buildable(), os.DirFS(line.Root))
	}
}

func newPlan(effect change.Effect, shards int) plan {
	p := plan{Include: []planned{}, Shards: []shard{}, Removed: append([]change.Name{}, effect.Removed...), Renamed: append([]change.Renamed{}, effect.Renamed...)}
	dealt := map[int][]string{}
	for _, e := range effect.Entries {
		n := e.Shard(shards)
		p.Include = append(p.Include, planned{Name: e.Name.Name, Kind: string(e.Kind), Entry: e.ID(), Shard: n, Because: e.Because})
		dealt[n] = append(dealt[n], e.ID())
	}
	for _, n := range slices.Sorted(maps.Keys(dealt)) {
		p.Shards = append(p.Shards, shard{Shard: n, Entries: strings.Join(dealt[n], " ")})
	}
	return p
}

// write makes the plan the content of a file, whose folder need not exist.
func (p plan) write(file string) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return staging.Replace(file, append(data, '\n'))
}

// setOutputs tells the plan to the jobs of a workflow that follow.
func (p plan) setOutputs() error {
	include, many := p.Include, len(p.Include) > maxShards
	if many {
		include = []planned{}
	}
	data, err := json.Marshal(include)
	if err != nil {
		return err
	}
	if err := github.SetOutput(os.Getenv, "include", string(data)); err != nil {
		return err
	}
	return github.SetOutput(os.Getenv, "many", strconv.FormatBool(many))
}

func (p plan) text(of int) string {
	var out strings.Builder
	for _, e := range p.Include {
		fmt.Fprintf(&out, "%s  %s", e.Entry, e.Because)
		if len(p.Shards) > 1 {
			fmt.Fprintf(&out, "  (shard %d)", e.Shard)
		}
		out.WriteByte('\n')
	}
	for _, n := range p.Removed {
		fmt.Fprintf(&out, "%s  was removed\n", n.ID())
	}
	for _, r := range p.Renamed {
		fmt.Fprintf(&out, "%s  was %s before\n", r.To.ID(), r.From.ID())
	}
	fmt.Fprintf(&out, "affected: %d of %d entries\n", len(p.Include), of)
	return out.String()
}

// readable finds the items of affected entries. One that could not be read is printed as such, and the second result says so: it must not
// keep the others from being done.
func (a *app) readable(line *flow.Line, effect change.Effect) (items []catalog.Item, unread bool, err error) {
	for _, e := range effect.Entries {
		found, err := find(line, []string{e.ID()})
		if err == nil {
			items = append(items, found...)
			continue
		}
		unread = true
		r := &result{Name: e.Name.Name, Kind: string(e.Kind), Verdict: verdictError, Error: err.Error(), Problems: line.ProblemsOf(e.ID())}
		if err := a.print(r, func() string { return fmt.Sprintf("%s: %v\n", e.ID(), err) }); err != nil {
			return nil, true, err
		}
	}
	return items, unread, nil
}
