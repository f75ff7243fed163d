package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/flow"
)

func (a *app) buildCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "build NAME...",
		Short: "Build entries into OCI image layouts, for all platforms",
		Long: `Build fetches what the lock pins, checks every archive against its hash before it is unpacked, and lays out the image for every platform
of the catalog, without a container engine and without running any of it. The layout lies at <out>/<kind>/<name>. Two builds of the same
entry give the same digest, wherever they run.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			line, items, stop, err := a.work(cmd.Context(), flow.Checks{Locks: true}, names)
			if err != nil {
				return err
			}
			err = a.each(cmd.Context(), line, items, func(ctx context.Context, item catalog.Item) (*result, error) {
				built, err := line.Build(ctx, item)
				if err != nil {
					return &result{}, err
				}
				r := &result{}
				r.setBuilt(line, item, built)
				r.human = fmt.Sprintf("%s  %s\n%s", item.Entry.ID(), whereabouts(item, built), r.sizes())
				return r, nil
			})
			stop()
			return err
		},
	}
	a.trusts(cmd)
	return cmd
}

// whereabouts says where an artifact is.
func whereabouts(item catalog.Item, built *flow.Built) string {
	switch {
	case built.Hosted():
		return "nothing to build: it runs at " + item.Entry.Remote.URL
	case built.Foreign():
		return "nothing to build: others published it as " + item.Entry.Image.Name
	default:
		return built.Path
	}
}

// setBuilt fills in what is known of an artifact.
func (r *result) setBuilt(line *flow.Line, item catalog.Item, built *flow.Built) {
	if built.Hosted() {
		return
	}
	r.Digest = built.Digest.String()
	r.Reference = line.Repository(item) + "@" + r.Digest
	for _, image := range built.Platforms {
		r.Platforms = append(r.Platforms, platform{Platform: image.Platform.String(), Digest: image.Digest.String(), Size: image.Size})
	}
}

// sizes are lines with the digest of the index, and the digest and size of each platform.
func (r *result) sizes() string {
	if r.Digest == "" {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "  %-12s  %s\n", "index", r.Digest)
	for _, p := range r.Platforms {
		fmt.Fprintf(&out, "  %-12s  %s  %s compressed\n", p.Platform, p.Digest, flow.Bytes(p.Size))
	}
	return out.String()
}
