package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/slipway-dev/slipway/internal/progress"
)

// app is what all commands share: the flags that every one has, and where it writes.
type app struct {
	stdout, stderr io.Writer
	remote         http.RoundTripper // nil but in tests
	memory         string            // a folder for what is booted, or empty

	dir   string // -C
	out   string // --out
	json  bool
	quiet bool
	// trustedRoot is the file of a trust root, or empty.
	trustedRoot string

	mu sync.Mutex // one object a line, however many entries end at once
}

// errPrinted ends a command that could not be done for some entries, each of which has said why.
var errPrinted = errors.New("some entries failed")

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "catalogctl",
		Short: "Keep a catalog of MCP servers and agent skills",
		Long: `catalogctl takes the entries of a catalog, a few lines of CUE each, to signed and verifiable artifacts.

The catalog is the repository that the command is started in, or the one that -C names. Exit codes: 0 done, 1 findings or a failed gate,
2 bad input, wrong usage or something that could not be done.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "directory", "C", ".", "work in the catalog in `DIR`")
	flags.StringVar(&a.out, "out", "", "write layouts, reports, keys and the embedded registry to `DIR` instead of dist/ in the catalog")
	flags.BoolVar(&a.json, "json", false, "print one JSON object an entry, each on its own line as soon as it is known")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print no progress")
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		a.newCommand(), a.validateCommand(), a.lockCommand(), a.buildCommand(), a.inspectCommand(), a.scanCommand(),
		a.releaseCommand(), a.verifyCommand(), a.generateCommand(), a.registryCommand(), a.referenceCommand(), a.planCommand(), a.reportCommand(),
		a.githubCommand(),
	)
	return root
}

// trusts lets a command, which looks into images of others, be told whose signatures of them count.
func (a *app) trusts(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.trustedRoot, "trusted-root", "",
		"believe the authorities in the trusted_root.json `FILE` who signed upstream's images, instead of Sigstore's public instance")
}

// print writes one result: an object on a line of its own with --json, else the lines that human returns.
func (a *app) print(object any, human func() string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.json {
		_, err := io.WriteString(a.stdout, human())
		return err
	}
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(object); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// progress returns where steps are reported, and what to call when all are done.
func (a *app) progress() (progress.Func, func()) {
	if a.quiet {
		return progress.Discard, func() {}
	}
	file, isFile := a.stderr.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) || a.json {
		return progress.Lines(a.stderr), func() {}
	}
	return progress.Live(file, func() int {
		width, _, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return 80
		}
		return width
	})
}
