package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/github"
)

func (a *app) githubCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "github",
		Short: "Do what workflows need of GitHub: comment on pull requests, keep labels",
		Long:  `Github asks the API of the repository that a GitHub workflow runs in, as its variables say, with the rights of the token in GITHUB_TOKEN.`,
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(a.githubCommentCommand(), a.githubLabelsCommand())
	return cmd
}

// maxLabels bounds the file of labels, in bytes.
const maxLabels = 1 << 20

func (a *app) githubLabelsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "labels FILE",
		Short: "Make the repository's labels what a YAML file says",
		Long: `Labels reads a list of labels with name, color and description, makes those that the repository lacks and mends those that differ. Labels
that the file does not name are left alone.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, file := filepath.Split(args[0])
			data, err := bounded.File(os.DirFS(filepath.Clean(dir)), file, maxLabels)
			if err != nil {
				return err
			}
			labels, err := github.ParseLabels(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			repository, err := github.Open(os.Getenv)
			if err != nil {
				return err
			}
			changed, err := repository.SetLabels(cmd.Context(), labels)
			for _, name := range changed {
				fmt.Fprintf(a.stderr, "label %s is set\n", name)
			}
			return err
		},
	}
}
