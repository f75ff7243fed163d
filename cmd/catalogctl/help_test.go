package main

import (
	"io"
	"strings"
	"testing"
)

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	root := (&app{stdout: io.Discard, stderr: io.Discard}).command()
	if len(root.Commands()) < 11 {
		t.Errorf("there are %d commands", len(root.Commands()))
	}
	for _, c := range root.Commands() {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the short help is %q", c.Name(), c.Short)
		}
		if c.Args == nil && !strings.Contains(c.Use, "[") {
			t.Errorf("%s takes any arguments", c.Name())
		}
		for _, flag := range []string{"directory", "out", "json", "quiet"} {
			if c.InheritedFlags().Lookup(flag) == nil {
				t.Errorf("%s has no --%s", c.Name(), flag)
			}
		}
	}
}
