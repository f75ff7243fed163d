package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/change"
	"github.com/slipway-dev/slipway/internal/comment"
	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/github"
)

// maxPlan bounds a plan that is read back, in bytes.
const maxPlan = 4 << 20

func (a *app) reportCommand() *cobra.Command {
	var format, base, planFile, checks string
	var summary bool
	cmd := &cobra.Command{
		Use:   "report [NAME...]",
		Short: "Write what a pull request is told about entries, from the reports on them",
		Long: `Report reads what scan and release wrote below <out>/reports and writes it as one comment: the verdicts, what servers say of themselves otherwise
than at the commit --base, the findings that are new since then and those that were waived, digests and sizes. Texts of others appear as code
only, and the whole is at most as long as GitHub allows.

Entries are named, or those of the plan in --plan, which 'catalogctl plan' wrote, or all of which there is a report. They need not be in this
catalog: the report of a pull request can be written without its files.`,
	}
	cmd.Flags().StringVar(&format, "format", "markdown", "how to write it: markdown")
	cmd.Flags().StringVar(&base, "base", "", "compare with the catalog at commit `REV`")
	cmd.Flags().StringVar(&planFile, "plan", "", "report on the entries of the plan in `FILE`, and on what it says was removed and renamed")
	cmd.Flags().StringVar(&checks, "checks", "", "report also on checks that GitHub ran, as `NAME=RESULT ...`, and exit with 1 unless each was a success or skipped")
	cmd.Flags().BoolVar(&summary, "summary", false, "add it to the summary of the GitHub job, in more detail, instead of printing it")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		if format != "markdown" {
			return fmt.Errorf("--format %s: want markdown", format)
		}
		if planFile != "" && len(names) > 0 {
			return fmt.Errorf("--plan names the entries: leave out %q", names)
		}
		problems, err := failedChecks(checks)
		if err != nil {
			return err
		}
		line, stop, err := a.open(cmd.Context(), flow.Checks{})
		if err != nil {
			return err
		}
		defer stop()
		report := comment.Report{Problems: problems}
		var ids []change.Name
		switch {
		case planFile != "":
			ids, err = readPlan(planFile, &report)
		case len(names) > 0:
			ids, err = identified(line, names)
		default:
			ids, err = line.Reported()
		}
		if err != nil {
			return err
		}
		if err := review(cmd.Context(), line, ids, base, &report); err != nil {
			return err
		}
		if summary {
			err = github.AddSummary(os.Getenv, comment.Markdown(report, github.MaxSummary))
		} else {
			_, err = io.WriteString(a.stdout, comment.Markdown(report, github.MaxComment))
		}
		if err == nil && len(problems) > 0 {
			return errFindings
		}
		return err
	}
	return cmd
}

// review fills in what there is to say about entries, compared with the commit base unless that is empty.
func review(ctx context.Context, line *flow.Line, ids []change.Name, base string, report *comment.Report) (err error) {
	if base != "" {
		if report.Base, err = change.Commit(ctx, line.Root, base); err != nil {
			return err
		}
	}
	report.Entries, err = line.Review(ctx, ids, report.Base)
	return err
}

// failedChecks reads the results of checks, as NAME=RESULT with spaces between, and says which did not succeed.
func failedChecks(checks string) (problems []string, err error) {
	for check := range strings.FieldsSeq(checks) {
		name, result, found := strings.Cut(check, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("--checks %q: want NAME=RESULT", check)
		}
		if result != "success" && result != "skipped" {
			problems = append(problems, fmt.Sprintf("the check %s did not succeed: %s", name, result))
		}
	}
	return problems, nil
}

// identified returns the entries that names stand for, which with their kind need not be in the catalog.
func identified(line *flow.Line, names []string) ([]change.Name, error) {
	var ids []change.Name
	for _, name := range names {
		id, err := change.ParseName(name)
		if err != nil {
			items, err := find(line, []string{name})
			if err != nil {
				return nil, err
			}
			id = change.Name{Kind: items[0].Entry.Kind, Name: items[0].Entry.Name}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// readPlan reads a plan, which may come from a stranger's run, and returns its entries, each once.
func readPlan(name string, report *comment.Report) ([]change.Name, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded.Read(f, maxPlan)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var p plan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	seen := map[change.Name]bool{}
	var ids []change.Name
	for _, e := range p.Include {
		id, err := change.ParseName(change.Name{Kind: entry.Kind(e.Kind), Name: e.Name}.ID())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if seen[id] {
			return nil, fmt.Errorf("%s: it names %s twice", name, id.ID())
		}
		seen[id] = true
		ids = append(ids, id)
	}
	report.Removed, report.Renamed = p.Removed, p.Renamed
	return ids, nil
}
