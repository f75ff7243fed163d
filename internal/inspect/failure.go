package inspect

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/sandbox"
)

// Reason is the kind of a failure.
type Reason string

// The ways in which a server fails its inspection.
const (
	Hang          Reason = "hang"           // a request has no answer in time
	Died          Reason = "died"           // the process ended, or closed its output
	Flood         Reason = "flood"          // too many bytes or messages
	TooLarge      Reason = "too-large"      // one message beyond the bound
	Noise         Reason = "noise"          // too much on standard output that is no message
	InvalidUTF8   Reason = "invalid-utf8"   // bytes that are no text
	InvalidJSON   Reason = "invalid-json"   // a message that cannot be read, or could be read in two ways
	EndlessPages  Reason = "endless-pages"  // a list without end
	DuplicateName Reason = "duplicate-name" // two definitions of one name
	EmptyName     Reason = "empty-name"     // a definition without a name
	NoTools       Reason = "no-tools"       // none, and the entry does not expect that
	Memory        Reason = "memory"         // more than the sandbox gives
	Processes     Reason = "processes"      // more than the sandbox gives
	Timeout       Reason = "timeout"        // the whole session took too long
	ProtocolError Reason = "protocol-error" // an error answer, or one that breaks the protocol
	Unreachable   Reason = "unreachable"    // an HTTP server that does not listen
	NotStarted    Reason = "not-started"    // the image's command could not be run
)

// The ways in which a server fails that somebody else runs.
const (
	DeadHost       Reason = "dead-host"       // its name stands for no address
	PrivateAddress Reason = "private-address" // its name, or a redirect, leads into a private network
	TLS            Reason = "tls"             // its certificate or its TLS cannot be trusted
	Redirected     Reason = "redirected"      // it sends clients to another place
	NotMCP         Reason = "not-mcp"         // something answers, but in another protocol
	Parked         Reason = "parked"          // a page says that nothing is kept at this address, or that it is for sale
	Template       Reason = "template"        // what answers is an example that nobody has filled in
	ServerError    Reason = "server-error"    // it says itself that it cannot answer now
)

// Failure is a server's fault, or that of its entry.
type Failure struct { //nolint:errname // what it is in the first place
	Reason  Reason
	Request string // the method that was being asked, empty if none
	Detail  string // sentences: what happened, and what to do
	Stderr  string // the end of the server's standard error, printable
}

// Error is the detail and the last lines of standard error.
func (f *Failure) Error() string {
	text := f.Detail
	if lines := lastLines(f.Stderr, 5); lines != "" {
		text += "\nIts standard error ends:\n" + lines
	}
	return text
}

func failf(reason Reason, request, format string, args ...any) *Failure {
	return &Failure{Reason: reason, Request: request, Detail: fmt.Sprintf(format, args...)}
}

// lastLines returns the last n lines that are not blank, indented and cut to a readable width.
func lastLines(text string, n int) string {
	var kept []string
	for _, line := range slices.Backward(strings.Split(text, "\n")) {
		if line = strings.TrimRight(line, " \t"); line == "" {
			continue
		}
		if kept = append(kept, "  "+excerpt(line, 200)); len(kept) == n {
			break
		}
	}
	slices.Reverse(kept)
	return strings.Join(kept, "\n")
}

// excerpt returns at most n characters of text.
func excerpt(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n]) + "…"
}

// ended turns the end of the process into a failure, if the process ended for a reason of its own.
func ended(exit sandbox.Exit, request string) *Failure {
	during := ""
	if request != "" {
		during = " while it was asked for " + request
	}
	switch exit.Reason {
	case sandbox.Exited:
		return failf(Died, request, "The server %s%s.", exit, during)
	case sandbox.Memory:
		return failf(Memory, request, "The server took more than %d MiB of memory%s and was stopped.", sandbox.DefaultMemory>>20, during)
	case sandbox.Processes:
		return failf(Processes, request, "The server reached %d processes and threads%s and was stopped.", sandbox.DefaultProcesses, during)
	case sandbox.Output:
		return failf(Flood, request, "The server wrote more than %d MiB%s and was stopped.", maxBytes>>20, during)
	case sandbox.Timeout:
		return failf(Timeout, request, "The session was not over after %v%s.", sandbox.DefaultTimeout, during)
	case sandbox.Failed:
		return failf(NotStarted, request, "The server could not be run%s: %s. Check the image's entrypoint.", during, exit.Detail)
	default:
		return nil
	}
}

// named finds what looks like the name of an environment variable.
var named = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b`)

// hint names the environment variables that a server may have missed: those that the entry requires, and those that the server itself speaks of.
func hint(e entry.Entry, env []string, stderr string) string {
	set := map[string]bool{}
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		set[name] = true
	}
	var required []string
	for _, v := range e.Env {
		if v.Required && !set[v.Name] {
			required = append(required, v.Name)
		}
	}
	if len(required) > 0 {
		return fmt.Sprintf(" The entry requires %s, which inspect.env does not set: add a mock value there.", strings.Join(required, ", "))
	}
	var spoken []string
	for _, name := range named.FindAllString(stderr, -1) {
		// Names of errors such as ERR_MODULE_NOT_FOUND look the same.
		if !set[name] && !slices.Contains(spoken, name) && !strings.HasPrefix(name, "ERR_") && len(spoken) < 5 {
			spoken = append(spoken, name)
		}
	}
	if len(spoken) > 0 {
		return fmt.Sprintf(" Its standard error speaks of %s: if it needs that, add a mock value to inspect.env.", strings.Join(spoken, ", "))
	}
	return ""
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
