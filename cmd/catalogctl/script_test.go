package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/sandbox/sandboxtest"
)

// TestScripts runs testdata/script: what a user types, and what comes of it. Besides testscript's own commands there are:
//
//	catalog [NAME...]             lays out a catalog whose base is locked, with entries that have lock and tools.json
//	base NAME                     lays out a base without a lock
//	entry NAME PACKAGE VERSION    adds an entry with its lock; without its tools.json
//	code N COMMAND...             runs a command, which must exit with N
//	object WHICH FIELD PATTERN    matches a field, such as platforms.0.size, of a JSON object on standard output: the one on a line, from 0, or
//	                              the one with a name
//	objects N                     checks that standard output is N lines, a JSON object each
//	waive DAYS ENTRY VERDICT      waives in an entry.cue what a verdict.json says is blocking or waived, until so many days from now
//	remote MODE [TOOL...]         says how the server at mcp.example.com answers from now on: open with these tools, locked, page or gone
//	upstream WHAT ...             plays somebody else's registry, see upstreamCommand
//	tidy                          checks that no temporary file is left
func TestScripts(t *testing.T) {
	t.Parallel()
	runsc := sandboxtest.Runtime(t).Path()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			tmp, err := os.MkdirTemp(temp, "t") //nolint:usetesting // that name is too long
			if err != nil {
				return err
			}
			env.Vars = append(env.Vars, environ(runsc, filepath.Join(env.WorkDir, ".home"), sharedCache(), tmp)...)
			return host(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"catalog": catalogCommand, "base": baseCommand, "entry": entryCommand, "code": codeCommand,
			"object": objectCommand, "objects": objectsCommand, "waive": waiveCommand, "tidy": tidyCommand,
			"remote": remoteCommand, "upstream": upstreamCommand,
		},
	})
}

func catalogCommand(ts *testscript.TestScript, _ bool, names []string) {
	ts.Check(copyReady(ts.Getenv(sandbox.Variable), ts.MkAbs("."), names...))
}

func baseCommand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(world.WriteBase(ts.MkAbs("."), args[0]))
}

func entryCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: entry NAME PACKAGE VERSION")
	}
	ts.Check(addEntry(ts.MkAbs("."), args[0], args[1], args[2]))
}

func codeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func objectsCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := len(objects(ts)); got != want {
		ts.Fatalf("%d objects, want %d", got, want)
	}
}

func objectCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: object WHICH FIELD PATTERN")
	}
	all := objects(ts)
	i, err := strconv.Atoi(args[0])
	if err != nil {
		i = slices.IndexFunc(all, func(one map[string]any) bool { return one["name"] == args[0] })
	}
	if i < 0 || i >= len(all) {
		ts.Fatalf("there is no object %s among %d", args[0], len(all))
	}
	got := field(all[i], args[1])
	if regexp.MustCompile("(?s)^(?:"+args[2]+")$").MatchString(got) == neg {
		ts.Fatalf("%s is %s", args[1], got)
	}
}

// objects returns the JSON objects on the lines of standard output.
func objects(ts *testscript.TestScript) []map[string]any {
	var all []map[string]any
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile("stdout")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one map[string]any
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			ts.Fatalf("%v in the line %s", err, lines.Text())
		}
		all = append(all, one)
	}
	ts.Check(lines.Err())
	return all
}

// field returns what lies at a path of names and indexes, a string as it is and anything else as JSON; "absent" if nothing lies there.
func field(value any, path string) string {
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return "absent"
			}
			value = v[i]
		default:
			return "absent"
		}
	}
	if value == nil {
		return "absent"
	}
	if text, ok := value.(string); ok {
		return text
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(text.String())
}

func waiveCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: waive DAYS ENTRY VERDICT")
	}
	days, err := strconv.Atoi(args[0])
	ts.Check(err)
	var report struct{ Verdict gate.Verdict }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[2])), &report))
	var waivers strings.Builder
	for _, d := range report.Verdict.Dispositions {
		if d.State == gate.Blocking || d.State == gate.Waived {
			fmt.Fprintf(&waivers, "\t{fingerprint: %q, rule: %q, owner: \"ana@example.com\", reason: \"The text is a test.\", expires: %q},\n",
				d.Finding.Fingerprint, d.Finding.Rule, time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly))
		}
	}
	text := ts.ReadFile(args[1]) + "waivers: [\n" + waivers.String() + "]\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

func tidyCommand(ts *testscript.TestScript, _ bool, _ []string) {
	left, err := leftovers(ts.Getenv("TMPDIR"))
	ts.Check(err)
	if len(left) > 0 {
		ts.Fatalf("left in the temporary folder: %v", left)
	}
}
