package osv_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/gate"
	"github.com/slipway-dev/slipway/internal/kind"
	"github.com/slipway-dev/slipway/internal/programtest"
	"github.com/slipway-dev/slipway/internal/scan"
	"github.com/slipway-dev/slipway/internal/scan/osv"
	"github.com/slipway-dev/slipway/internal/scan/sarif"
)

// components are what testdata/answer.json, an answer of osv-scanner 2.5.1, is about, those of two platforms.
func components() (all []kind.Component) {
	for _, c := range [][3]string{
		{"httpx", "0.28.1", "pkg:pypi/httpx@0.28.1"},
		{"anyio", "4.16.0", "pkg:pypi/anyio@4.16.0"},
		{"@modelcontextprotocol/core", "2.0.0", "pkg:npm/%40modelcontextprotocol/core@2.0.0"},
		{"stdlib", "1.20", "pkg:golang/stdlib@1.20"},
		{"golang.org/x/mod", "v0.30.0", "pkg:golang/golang.org/x/mod@v0.30.0"},
		{"github.com/BurntSushi/toml", "v1.5.0", "pkg:golang/github.com/BurntSushi/toml@v1.5.0"},
		{"node", "24.21.0", "pkg:generic/node@24.21.0"},
		{"libc6", "2.41-12+deb13u4", "pkg:deb/debian/libc6@2.41-12%2Bdeb13u4?arch=amd64&distro=debian-13&upstream=glibc"},
		{"libc6", "2.41-12+deb13u4", "pkg:deb/debian/libc6@2.41-12%2Bdeb13u4?arch=arm64&distro=debian-13&upstream=glibc"},
		{"libc-bin", "2.41-12+deb13u4", "pkg:deb/debian/libc-bin@2.41-12%2Bdeb13u4?arch=amd64&distro=debian-13&upstream=glibc"},
		{"gcc", "4:14.2.0-1", "pkg:deb/debian/gcc@4:14.2.0-1?arch=amd64&distro=debian-13&upstream=gcc-defaults%401.220"},
		{"musl", "1.2.5-r10", "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1"},
	} {
		all = append(all, kind.Component{Name: c[0], Version: c[1], PURL: c[2]})
	}
	return all
}

func subject() scan.Subject {
	return scan.Subject{Entry: entry.Entry{Kind: entry.UVX, Name: "fetch"}, File: "catalog/uvx/fetch/tools.json", Components: components()}
}

// standIn is a shell script in place of osv-scanner, which keeps what it was called with in asked.json and args.
func standIn(t *testing.T, script string, environ ...string) (*osv.Command, string) {
	t.Helper()
	dir := t.TempDir()
	programtest.Write(t, filepath.Join(dir, osv.Name), "if [ \"$1\" = --version ]; then echo 'osv-scanner version: 2.5.1'; exit; fi\ncd "+dir+"\n"+script)
	command, err := osv.Find(t.Context(), append(environ, "PATH="+os.Getenv("PATH"), "COSIGN_PASSWORD=secret"), dir)
	if err != nil {
		t.Fatal(err)
	}
	return command, dir
}

// answering prints testdata/answer.json.
func answering(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", "answer.json"))
	if err != nil {
		t.Fatal(err)
	}
	return "for last; do :; done\necho \"$@\" >args\nenv >environ\nfor f; do case $f in *.spdx.json) cp \"$f\" asked.json;; esac; done\ncat " + file + "\nexit 1\n"
}

// fresh knows no answer.
func fresh(t *testing.T) *osv.Answers {
	t.Helper()
	return osv.NewAnswers(t.TempDir(), nil, time.Now)
}

func ask(t *testing.T, command *osv.Command, s scan.Subject) scan.Report {
	t.Helper()
	return scan.Run(context.Background(), []scan.Scanner{osv.New(fresh(t), command, nil)}, s, time.Minute)[0]
}

func TestFindings(t *testing.T) {
	t.Parallel()
	command, dir := standIn(t, answering(t), "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY=/somewhere")
	r := ask(t, command, subject())
	if r.Failure != "" || r.Scanner != "osv-scanner" || r.Version != "2.5.1" {
		t.Fatalf("%s %s: %s", r.Scanner, r.Version, r.Failure)
	}
	// Nobody can look up node, and a name with capital letters.
	if r.Seen != 8 || r.Of != 10 {
		t.Errorf("it looked at %d packages of %d, want 8 of 10", r.Seen, r.Of)
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Severity.String()+" "+f.Rule+" "+f.Target+": "+f.Message)
		if f.Location.File != "catalog/uvx/fetch/entry.cue" || f.Help == "" {
			t.Errorf("%s is at %+v, with the help %q", f.Rule, f.Location, f.Help)
		}
	}
	want := []string{
		"unknown GO-2026-2 package/pkg:golang/stdlib@1.20: stdlib 1.20 has the known vulnerability GO-2026-2 (Reading takes too long), which is fixed in 1.99.0.",
		"critical GHSA-aaaa-bbbb-cccc package/pkg:pypi/httpx@0.28.1: httpx 0.28.1 has the known vulnerability CVE-2026-10001, also called " +
			"GHSA-aaaa-bbbb-cccc, PYSEC-2026-1 (Headers can be split), which is fixed in 99.0.0.",
		"medium GHSA-core-core-core package/pkg:npm/%40modelcontextprotocol/core@2.0.0: @modelcontextprotocol/core 2.0.0 has the known " +
			"vulnerability GHSA-core-core-core (Names can be long), which is fixed in 2.0.1, 9.0.0.",
		"low DEBIAN-CVE-2026-10002 package/pkg:deb/debian/glibc@2.41-12%2Bdeb13u4?distro=debian-13: glibc 2.41-12+deb13u4, of which libc-bin, " +
			"libc6 was built, has the known vulnerability CVE-2026-10002, also called DEBIAN-CVE-2026-10002, and no fix is known.",
		"low package-unknown packages/pkg:generic: osv-scanner cannot look up node 24.21.0 (pkg:generic), so nothing is known of their vulnerabilities.",
		"low package-unknown packages/pkg:golang: osv-scanner cannot look up github.com/BurntSushi/toml v1.5.0 (pkg:golang), so nothing is " +
			"known of their vulnerabilities.",
		"info DEBIAN-CVE-2011-10003 package/pkg:deb/debian/gcc-defaults@1.220?distro=debian-13: gcc-defaults 1.220, of which gcc was built, has " +
			"the known vulnerability DEBIAN-CVE-2011-10003, which its distribution holds for unimportant.",
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	args, environ := read(t, filepath.Join(dir, "args")), read(t, filepath.Join(dir, "environ"))
	if !strings.Contains(args, "--offline") || !strings.Contains(environ, "=/somewhere") || strings.Contains(environ, "secret") {
		t.Errorf("called with %s in\n%s", args, environ)
	}
	if asked := read(t, filepath.Join(dir, "asked.json")); strings.Count(asked, `"referenceType"`) != 9 || !strings.Contains(asked, "pkg:deb/debian/glibc@") {
		t.Errorf("asked\n%s", asked)
	}
	if !left(t, filepath.Join(dir, "args")) {
		t.Error("the file that it was asked with is still there")
	}
}

// left reports whether the file that a stand-in was called with is gone.
func left(t *testing.T, args string) bool {
	t.Helper()
	for word := range strings.FieldsSeq(read(t, args)) {
		if strings.HasSuffix(word, ".spdx.json") {
			_, err := os.Stat(word)
			return os.IsNotExist(err)
		}
	}
	return false
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOnline wants the command to do as it does by itself where no database is named.
func TestOnline(t *testing.T) {
	t.Parallel()
	command, dir := standIn(t, answering(t))
	if r := ask(t, command, subject()); r.Failure != "" {
		t.Fatal(r.Failure)
	}
	if args := read(t, filepath.Join(dir, "args")); strings.Contains(args, "--offline") {
		t.Errorf("called with %s", args)
	}
}

func TestFailsClosed(t *testing.T) {
	t.Parallel()
	const about = `{"results":[{"packages":[{"package":{"name":"httpx","version":"0.28.1","ecosystem":"PyPI"},`
	tests := map[string]struct{ script, want string }{
		"broken":           {"echo torn database >&2; exit 127", "exit status 127: torn database"},
		"killed":           {"kill -9 $$", "signal: killed"},
		"silent":           {"exit 0", "the answer of osv-scanner cannot be read"},
		"nonsense":         {"echo no packages", "the answer of osv-scanner cannot be read"},
		"nothing":          {"echo '{}'", "has no results"},
		"another type":     {`echo '{"results":[{"packages":"all"}]}'`, "cannot be read"},
		"empty":            {`echo '{"results":[]}'`, "looked at none of 10 packages"},
		"exit code alone":  {`echo '{"results":[]}'; exit 1`, "its answer holds nothing"},
		"of others":        {`echo '{"results":[{"packages":[{"package":{"name":"left-pad","version":"1","ecosystem":"npm"}}]}]}'`, "was not asked about"},
		"not grouped":      {"echo '" + about + `"vulnerabilities":[{"id":"A"}]}]}]}'`, "in no group"},
		"without a name":   {"echo '" + about + `"groups":[{"ids":[],"max_severity":"1"}]}]}]}'`, "without a name"},
		"named twice":      {"echo '" + about + `"groups":[{"ids":["A","A"],"max_severity":"1"}]}]}]}'`, "twice"},
		"no score":         {"echo '" + about + `"groups":[{"ids":["A"],"max_severity":"high"}]}]}]}'`, "no severity"},
		"an absurd score":  {"echo '" + about + `"groups":[{"ids":["A"],"max_severity":"NaN"}]}]}]}'`, "NaN is no CVSS score"},
		"a negative score": {"echo '" + about + `"groups":[{"ids":["A"],"max_severity":"-1"}]}]}]}'`, "no CVSS score"},
		"a flood":          {"yes", "it printed more than 67108864 bytes"},
		"a loud failure":   {"yes no database | head -c 9000000 >&2; exit 3", "exit status 3: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command, _ := standIn(t, tt.script)
			r := ask(t, command, subject())
			if !strings.Contains(r.Failure, tt.want) || len(r.Failure) > 2000 {
				t.Errorf("failure %q, want it to say %q", r.Failure, tt.want)
			}
		})
	}
}

// TestStopsWhatHangs wants all processes of a command that hangs to be gone: each of them keeps a pipe open.
func TestStopsWhatHangs(t *testing.T) {
	t.Parallel()
	command, dir := standIn(t, "sleep 1000 >alive & sleep 1000 >alive\n")
	fifo := filepath.Join(dir, "alive")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	answers := fresh(t)
	go func() {
		_, err := osv.New(answers, command, nil).Scan(ctx, subject())
		ended <- err
	}()
	alive, err := os.Open(fifo) // waits until one of them has opened it
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	cancel()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("it ended with %v", err)
	}
	if _, err := alive.Read(make([]byte, 1)); err == nil { // the end of the file comes when nobody has it open
		t.Error("something was written")
	}
}

// TestAnswersAreKept wants the command to be asked again if the database or, without one, the day is another, and only then. What is known
// is known without the command, too.
func TestAnswersAreKept(t *testing.T) {
	t.Parallel()
	command, dir := standIn(t, "echo asked >>times\n"+answering(t))
	kept, database := t.TempDir(), t.TempDir()
	day := time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
	scanned := func(environ []string, command *osv.Command, unavailable error) scan.Report {
		t.Helper()
		answers := osv.NewAnswers(kept, environ, func() time.Time { return day })
		return scan.Run(t.Context(), []scan.Scanner{osv.New(answers, command, unavailable)}, subject(), time.Minute)[0]
	}
	asked := func(dir string, want int) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, "times"))
		if got := strings.Count(string(text), "asked"); got != want {
			t.Errorf("the command was asked %d times, want %d: %v", got, want, err)
		}
	}
	first := scanned(nil, command, nil)
	if again := scanned(nil, command, nil); first.Failure != "" || !cmp.Equal(first, again) {
		t.Errorf("again it is another report: %s", cmp.Diff(first, again))
	}
	asked(dir, 1)
	missing := errors.New("there is none")
	if known := scanned(nil, nil, missing); !cmp.Equal(first, known) {
		t.Errorf("without the command it is another report: %s", cmp.Diff(first, known))
	}
	day = day.Add(time.Minute)
	if unknown := scanned(nil, nil, missing); !strings.Contains(unknown.Failure, "there is none") {
		t.Errorf("the next day: %+v", unknown)
	}
	scanned(nil, command, nil)
	asked(dir, 2)
	local := []string{osv.DatabaseVariable + "=" + database}
	scanned(local, command, nil)
	scanned(local, command, nil)
	day = day.AddDate(0, 0, 1)
	scanned(local, command, nil)
	asked(dir, 3)
	if err := os.WriteFile(filepath.Join(database, "all.zip"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	scanned(local, command, nil)
	asked(dir, 4)
}

func TestMissingCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	command, err := osv.Find(t.Context(), nil, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "install it") {
		t.Fatalf("found, or %v", err)
	}
	r := scan.Run(t.Context(), []scan.Scanner{osv.New(fresh(t), command, err)}, subject(), time.Minute)[0]
	v := gate.Judge(gate.Input{Reports: []scan.Report{r}, Required: []string{osv.Name}})
	if v.Pass || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "install it") {
		t.Errorf("pass %v, problems %q", v.Pass, v.Problems)
	}
}

func TestAnotherCommandOfThatName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	programtest.Write(t, filepath.Join(dir, osv.Name), "echo hello\n")
	if _, err := osv.Find(t.Context(), nil, dir); err == nil || !strings.Contains(err.Error(), "does not say that it is osv-scanner") {
		t.Errorf("found, or %v", err)
	}
}

func TestArtifactWithoutPackages(t *testing.T) {
	t.Parallel()
	command, _ := standIn(t, "exit 9")
	s := subject()
	s.Components = nil
	if r := ask(t, command, s); !strings.Contains(r.Failure, "nothing to look at") {
		t.Errorf("failure %q", r.Failure)
	}
	s.Components = []kind.Component{{Name: "thing", Version: "1", PURL: "thing"}}
	if r := ask(t, command, s); !strings.Contains(r.Failure, "looked at none of 1 packages") {
		t.Errorf("failure %q", r.Failure)
	}
}

// TestWaived takes a vulnerability through the gate and into SARIF.
func TestWaived(t *testing.T) {
	t.Parallel()
	command, _ := standIn(t, answering(t))
	today := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	in := gate.Input{
		Reports: []scan.Report{ask(t, command, subject())}, Required: []string{osv.Name}, Today: today,
		Policy: gate.Policy{Block: finding.High, Warn: finding.Medium, MaxWaivable: finding.Critical},
	}
	closed := gate.Judge(in)
	if closed.Pass || len(closed.Problems) > 0 {
		t.Fatalf("pass %v, problems %q", closed.Pass, closed.Problems)
	}
	for _, d := range closed.Dispositions {
		if d.State == gate.Blocking {
			in.Waivers = append(in.Waivers, entry.Waiver{
				Fingerprint: d.Finding.Fingerprint, Rule: d.Finding.Rule, Owner: "ana", Reason: "The server sends no headers.", Expires: "2026-12-31",
			})
		}
	}
	// Another database, and a newer command, change nothing about what was waived.
	in.Reports = []scan.Report{ask(t, command, subject())}
	open := gate.Judge(in)
	if !open.Pass || len(in.Waivers) != 2 {
		t.Fatalf("with %d waivers: pass %v, problems %q", len(in.Waivers), open.Pass, open.Problems)
	}
	data, err := sarif.Encode("uvx/fetch", in.Reports, open.Waivers())
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID       string
				RuleIndex    int
				Suppressions []struct{ Justification string }
			}
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	for _, r := range run.Results {
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result of %s points to rule %s", r.RuleID, run.Tool.Driver.Rules[r.RuleIndex].ID)
		}
		if r.RuleID == "GHSA-aaaa-bbbb-cccc" && (len(r.Suppressions) != 1 || !strings.Contains(r.Suppressions[0].Justification, "sends no headers")) {
			t.Errorf("%s is suppressed by %+v", r.RuleID, r.Suppressions)
		}
	}
}
