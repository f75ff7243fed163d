package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

// publishing adds the flags that say where to publish and with which key.
func publishing(cmd *cobra.Command) func(*flow.Options) {
	registry := cmd.Flags().String("registry", "", "publish below `REPOSITORY`, such as registry.example.com/mcp, with the credentials of the Docker configuration, instead of to the embedded registry")
	key := cmd.Flags().String("key", "", "sign with the cosign key in `FILE`, or in the variable of env://VARIABLE with its public half in cosign.pub of the catalog, and its password in COSIGN_PASSWORD, instead of a key pair made on first use")
	return func(o *flow.Options) { o.Registry, o.KeyFile = *registry, *key }
}

func (a *app) releaseCommand() *cobra.Command {
	var all, dryRun bool
	var elsewhere engines
	cmd := &cobra.Command{
		Use:   "release [NAME...]",
		Short: "Take entries the whole way: build, inspect, scan, gate, publish, sign, attest, verify",
		Long: `Release validates the entry and its lock, builds the image, boots it in the sandbox, scans what the server says of itself and asks the gate.
Only what passes is pushed: by digest first, then signature, SBOM, provenance and the report with every finding, for the index and for each
platform. All of it is read back and verified; last comes the version tag, which is never moved to another digest.

Nothing is done twice: an entry that is published already, with the same evidence, is only verified again. Entries are named, or chosen by --all
or by --changed-since or --since-last-release, as 'catalogctl plan' lists them. One that fails does not stop the others.

With --dry-run it stops where publishing would begin: the verdict and the reports are there, and nothing is signed or pushed.

With --engine the steps run on Dagger engines, each entry always on the same one as long as that is there; if one is lost, the others take over.
It needs the dagger command, v0.19.10, on the PATH. Results, files and exit codes are those of a release on this machine.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if all || chosen(cmd) {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
	}
	a.trusts(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "release every entry")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "stop at the gate: build, inspect, scan, judge, and publish nothing")
	selected := changedSince(cmd)
	elsewhere.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("all", "changed-since")
	cmd.MarkFlagsMutuallyExclusive("all", "since-last-release")
	cmd.MarkFlagsMutuallyExclusive("dry-run", "engine")
	where := publishing(cmd)
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		line, items, stop, err := a.work(cmd.Context(), flow.Checks{Locks: true, Observations: true}, names, where)
		if err != nil {
			return err
		}
		if all {
			items = line.Buildable()
		}
		unread := false
		if chosen(cmd) {
			effect, err := selected(cmd.Context(), line)
			if err == nil {
				items, unread, err = a.readable(line, effect)
			}
			if err != nil {
				stop()
				return err
			}
		}
		if line.KeyFile == "" && !dryRun && !a.json && !a.quiet {
			fmt.Fprintf(a.stderr, "signing with the key pair in %s, made on this machine: it shows that artifact and evidence belong together, not who made them\n", line.KeyDir())
		}
		take := line.Release
		if dryRun {
			take = line.Judge
		}
		released := func(ctx context.Context, item catalog.Item) (*result, error) {
			released, err := take(ctx, item)
			r := &result{Verdict: verdictPass}
			r.setReleased(line, item, released, err)
			return r, err
		}
		if len(elsewhere.urls) > 0 {
			err = elsewhere.release(cmd.Context(), a, line, items)
		} else {
			err = a.each(cmd.Context(), line, items, released)
		}
		stop()
		if unread && (err == nil || errors.Is(err, errFindings)) {
			return errPrinted
		}
		return err
	}
	return cmd
}

// chosen reports whether the flags of changedSince choose the entries.
func chosen(cmd *cobra.Command) bool {
	return cmd.Flags().Changed("changed-since") || cmd.Flags().Changed("since-last-release")
}

// setReleased fills in as much as is known.
func (r *result) setReleased(line *flow.Line, item catalog.Item, released *flow.Released, err error) {
	id := item.Entry.ID()
	if released.Built == nil {
		return
	}
	r.setBuilt(line, item, released.Built)
	if released.Inspected != nil {
		tools := len(released.Inspected.Observation.Tools)
		r.Tools = &tools
	}
	if released.Scanned == nil {
		return
	}
	r.setScanned(released.Scanned)
	r.human = fmt.Sprintf("%s  %s\n%s", id, verdictText(released.Scanned), findings(released.Scanned))
	if err != nil {
		if !flow.Judged(err) {
			r.human += fmt.Sprintf("  %v\n", err)
		}
		return
	}
	if r.Tools != nil {
		r.human += fmt.Sprintf("  %s\n", heard(released.Inspected))
	}
	r.human += r.sizes()
	if released.Published != nil {
		r.human += fmt.Sprintf("  published     %s\n", released.Published.Reference)
	}
}
