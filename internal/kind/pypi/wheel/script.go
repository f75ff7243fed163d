package wheel

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Script is a command that an installer writes: it calls a function of the package.
type Script struct {
	Name   string
	Module string
	Object string // inside the module, with dots
}

var (
	scriptName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$`)
	reference  = regexp.MustCompile(`^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*:\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?:\[[^\]]*\])?$`)
)

// maxScripts bounds the commands of one package.
const maxScripts = 1000

// parseEntryPoints reads the commands from an entry_points.txt (Python packaging specification "Entry points"). Whatever could lead out of the
// folder of commands, or be more than a call of a function, is an error.
func parseEntryPoints(data []byte) (scripts []Script, err error) {
	section := ""
	for line := range strings.SplitSeq(strings.TrimPrefix(string(data), "\uFEFF"), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '[' && line[len(line)-1] == ']':
			section = strings.TrimSpace(line[1 : len(line)-1])
			continue
		case section != "console_scripts" && section != "gui_scripts":
			continue // what other programs look for
		}
		name, target, _ := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		match := reference.FindStringSubmatch(strings.TrimSpace(target))
		switch {
		case !scriptName.MatchString(name):
			return nil, fmt.Errorf("its command %.100q has a name that no file in the folder of commands can have", name)
		case match == nil:
			return nil, fmt.Errorf("its command %s is %.100q, want a module and a function, as in server.main:run", name, strings.TrimSpace(target))
		case len(scripts) == maxScripts:
			return nil, fmt.Errorf("it has more than %d commands", maxScripts)
		case slices.ContainsFunc(scripts, func(s Script) bool { return s.Name == name }):
			return nil, fmt.Errorf("it has the command %s twice", name)
		}
		scripts = append(scripts, Script{Name: name, Module: match[1], Object: match[2]})
	}
	slices.SortFunc(scripts, func(a, b Script) int { return cmp.Compare(a.Name, b.Name) })
	return scripts, nil
}

// text returns the script for the interpreter at a path.
func (s Script) text(interpreter string) string {
	first, _, _ := strings.Cut(s.Object, ".")
	return fmt.Sprintf("#!%s\nimport sys\n\nfrom %s import %s\n\nif __name__ == \"__main__\":\n    sys.exit(%s())\n", interpreter, s.Module, first, s.Object)
}
