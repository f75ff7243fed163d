package engine

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/programtest"
	"github.com/slipway-dev/slipway/internal/progress"
)

// brokenCommand puts a dagger on the PATH that can start no session.
func brokenCommand(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	name := filepath.Join(bin, "dagger")
	programtest.Write(t, name, "echo no such engine >&2\nexit 1\n")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv(commandVariable, "")
	return name
}

func TestTheCommandIsTheOneOnThePath(t *testing.T) {
	name := brokenCommand(t)
	if err := useCommand(); err != nil || os.Getenv(commandVariable) != name {
		t.Errorf("%v, and %s is chosen", err, os.Getenv(commandVariable))
	}
	t.Setenv(commandVariable, "/opt/dagger")
	if err := useCommand(); err != nil || os.Getenv(commandVariable) != "/opt/dagger" {
		t.Errorf("%v, and %s is chosen", err, os.Getenv(commandVariable))
	}
	t.Setenv(commandVariable, "")
	t.Setenv("PATH", t.TempDir())
	if err := useCommand(); err == nil || !strings.Contains(err.Error(), "install dagger v0.19.10") {
		t.Errorf("got %v", err)
	}
	if _, err := exec.LookPath("dagger"); err == nil {
		t.Error("there is a dagger after all")
	}
}

func TestOpenTellsWhyNoEngineCanBeUsed(t *testing.T) {
	brokenCommand(t)
	var told []string
	_, err := Open(t.Context(), []string{"tcp://a:1", "tcp://a:1"}, Config{Catalog: t.TempDir()}, func(e progress.Event) {
		told = append(told, e.Entry+" "+e.Detail)
	})
	if err == nil || !strings.Contains(err.Error(), "no engine is left") || !strings.Contains(err.Error(), "tcp://a:1: start a session") {
		t.Errorf("got %v", err)
	}
	if len(told) != 1 || !strings.Contains(told[0], "no such engine") {
		t.Errorf("told %q", told)
	}
}
