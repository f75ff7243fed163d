package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func (s checkout) plan(args ...string) plan {
	s.t.Helper()
	code, out, messages := s.run(append([]string{"plan", "--json"}, args...)...)
	if code != exitDone || strings.Count(out, "\n") != 1 {
		s.t.Fatalf("exit code %d: %s%s", code, out, messages)
	}
	var p plan
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (p plan) entries() string {
	var ids []string
	for _, e := range p.Include {
		ids = append(ids, e.Entry)
	}
	return strings.Join(ids, " ")
}

// TestPlanOfPullRequests goes through the pull requests that a catalog sees, and what each must be judged by.
func TestPlanOfPullRequests(t *testing.T) {
	t.Parallel()
	s := newCheckout(t)
	if p := s.plan("--changed-since", "main"); len(p.Include)+len(p.Shards)+len(p.Removed)+len(p.Renamed) != 0 {
		t.Errorf("nothing changed, and the plan is %+v", p)
	}
	s.edit("catalog/npx/memory/entry.cue", `license:`, "// a remark\nlicense:")
	if p := s.plan("--changed-since", "main"); p.entries() != "npx/memory" {
		t.Errorf("one entry changed, and the plan is %+v", p)
	}
	s.write("catalog/npx/notion/entry.cue", "this is no CUE {")
	if p := s.plan("--changed-since", "main"); p.entries() != "npx/memory npx/notion" {
		t.Errorf("an entry that cannot be read is left out: %+v", p)
	}
	s.git("checkout", "-q", "main", ".")
	s.git("mv", "catalog/npx/memory", "catalog/npx/remember")
	s.edit("catalog/npx/remember/entry.cue", `"memory"`, `"remember"`)
	s.git("rm", "-q", "-r", "catalog/npx/notion")
	s.commit()
	p := s.plan("--changed-since", "main~1")
	if p.entries() != "npx/remember" || len(p.Removed) != 1 || p.Removed[0].ID() != "npx/notion" ||
		len(p.Renamed) != 1 || p.Renamed[0].From.ID() != "npx/memory" || p.Renamed[0].To.ID() != "npx/remember" {
		t.Errorf("one entry was removed, one renamed, and the plan is %+v", p)
	}
	s.write("catalog/bases/node24/base.cue", "package base\n")
	s.commit()
	p = s.plan("--changed-since", "main~1", "--shards", "8")
	if p.entries() != "npx/context7 npx/remember" {
		t.Errorf("a base changed, and the plan is %+v", p)
	}
	for _, shard := range p.Shards {
		for _, e := range p.Include {
			if in := strings.Contains(" "+shard.Entries+" ", " "+e.Entry+" "); in != (e.Shard == shard.Shard) {
				t.Errorf("entry %s is in shard %d, and shards are %+v", e.Entry, e.Shard, p.Shards)
			}
		}
	}
	if p := s.plan(); p.entries() != "npx/context7 npx/remember" {
		t.Errorf("the plan of everything is %+v", p)
	}
	_, out, _ := s.run("plan", "--changed-since", "main~2")
	for _, line := range []string{"npx/context7  its base node24 changed\n", "npx/notion  was removed\n", "npx/remember  was npx/memory before\n", "affected: 2 of 2 entries\n"} {
		if !strings.Contains(out, line) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	s := newCheckout(t)
	for _, args := range [][]string{
		{"plan", "--shards", "0"},
		{"plan", "--shards", "257"},
		{"plan", "--changed-since", "no-such-branch"},
		{"plan", "memory"},
		{"release", "--changed-since", "main", "--all"},
		{"release", "--changed-since", "main", "memory"},
		{"release"},
	} {
		if code, out, _ := s.run(args...); code != exitFailed || out != "" {
			t.Errorf("%q: exit code %d, %s", args, code, out)
		}
	}
	if code, out, messages := s.run("release", "--changed-since", "main"); code != exitDone || out != "" {
		t.Errorf("nothing changed: exit code %d, %s%s", code, out, messages)
	}
}

// TestReleaseSaysWhatCannotBeRead makes an affected entry unreadable: it must be named, and the exit code must say so.
func TestReleaseSaysWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newCheckout(t)
	s.write("catalog/npx/notion/entry.cue", "this is no CUE {")
	code, out, messages := s.run("release", "--json", "--changed-since", "main")
	var r result
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s%s", err, out, messages)
	}
	if code != exitFailed || r.Name != "notion" || r.Kind != "npx" || r.Verdict != verdictError || len(r.Problems) == 0 {
		t.Errorf("exit code %d, %+v", code, r)
	}
}
