package engine

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

func TestEndCommandEndsThatOfOneEngine(t *testing.T) {
	t.Parallel()
	start := func(url string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "sleep", "60")
		cmd.Env = append(os.Environ(), runnerVariable+"="+url)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	lost, other := start("tcp://lost:1"), start("tcp://lost:12")
	if err := endCommand("tcp://lost:1"); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := lost.Wait(); !errors.As(err, &ended) {
		t.Errorf("the command of the lost engine ended with %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Errorf("the command of another engine has ended: %v", err)
	}
	_ = other.Wait() // was killed
	if err := endCommand("tcp://absent:1"); err != nil {
		t.Error(err)
	}
}
