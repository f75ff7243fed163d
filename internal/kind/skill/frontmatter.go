package skill

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxFrontmatter is what readers of skills take, in bytes.
const maxFrontmatter = 64 << 10

// frontmatter is what a skill says of itself at the top of its SKILL.md (agentskills.io/specification).
type frontmatter struct {
	name, description      string
	license, compatibility string
	allowedTools           []string
	metadata               map[string]string
	// json is all of it, as an object with the fields in the author's order.
	json json.RawMessage
}

// parseMain reads the frontmatter of a SKILL.md: YAML between two lines that are "---", the first of them the first of the file.
func parseMain(text []byte) (*frontmatter, []error) {
	wrong := func(format string, args ...any) []error { return []error{problem(MainFile, "", format, args...)} }
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, wrong("is not UTF-8 text")
	}
	if bytes.HasPrefix(text, []byte("\ufeff")) {
		return nil, wrong("begins with a byte order mark, for which readers miss the frontmatter; save it without")
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if !isFence(first) {
		return nil, wrong("does not begin with a line that is ---: put name and description between two such lines at its top")
	}
	yaml, found := rest, false
	for at := 0; at < len(rest) && at <= maxFrontmatter; {
		line, _, more := bytes.Cut(rest[at:], []byte("\n"))
		if found = isFence(line); found {
			yaml = rest[:at]
			break
		}
		if at += len(line); more {
			at++
		}
	}
	if !found {
		return nil, wrong("has no line that is --- to end its frontmatter, within %d KiB", maxFrontmatter>>10)
	}
	return parseFrontmatter(yaml)
}

func isFence(line []byte) bool { return string(bytes.TrimSuffix(line, []byte("\r"))) == "---" }

// parseFrontmatter reads the YAML and takes the fields of the specification out of it. Others are the author's own.
func parseFrontmatter(text []byte) (*frontmatter, []error) {
	object, err := parseYAML(text)
	if err != nil {
		return nil, []error{problem(MainFile, "", "has a frontmatter that cannot be used: %v", err)}
	}
	f := &frontmatter{json: object.json()}
	var errs []error
	take := func(field string, into *string) {
		switch v := object.get(field).(type) {
		case nil:
		case string:
			*into = v
		default:
			errs = append(errs, problem(MainFile, field, "is no text: put it in quotes"))
		}
	}
	take("name", &f.name)
	take("description", &f.description)
	take("license", &f.license)
	take("compatibility", &f.compatibility)
	switch v := object.get("allowed-tools").(type) {
	case nil:
	case string:
		f.allowedTools = splitTools(v)
	case list:
		for _, element := range v {
			tool, ok := element.(string)
			if !ok || tool == "" {
				errs = append(errs, problem(MainFile, "allowed-tools", "holds something that is no text"))
				continue
			}
			f.allowedTools = append(f.allowedTools, tool)
		}
	default:
		errs = append(errs, problem(MainFile, "allowed-tools", "is neither a text nor a list of texts"))
	}
	switch v := object.get("metadata").(type) {
	case nil:
	case mapping:
		f.metadata = map[string]string{}
		for _, m := range v {
			if text, ok := m.value.(string); ok {
				f.metadata[m.name] = text
			} else {
				errs = append(errs, problem(MainFile, "metadata."+m.name, "is no text: put it in quotes"))
			}
		}
	default:
		errs = append(errs, problem(MainFile, "metadata", "is no mapping of names to texts"))
	}
	return f, errs
}

// splitTools splits a list that is written as one text: at commas and spaces, but not within brackets, as in "Bash(git add:*) Read".
func splitTools(text string) []string {
	depth := 0
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth = max(0, depth-1)
		}
		return depth == 0 && (r == ',' || r == ' ' || r == '\n' || r == '\t')
	})
}

var namePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Bounds of the specification, in characters.
const (
	minNameRunes       = 2 // of ToolHive; the specification has 1
	maxNameRunes       = 64
	maxDescription     = 1024
	maxCompatibility   = 500
	maxMetadata        = 64
	requiresKey        = "toolhive.requires" // what the skill needs besides, a reference a line
	maxAllowedTools    = 256
	maxAllowedToolText = 200
)

// check holds the fields to the specification. Name is the entry's, which is that of the folder too.
func (f *frontmatter) check(name string) []error {
	var errs []error
	refuse := func(field, format string, args ...any) {
		errs = append(errs, problem(MainFile, field, format, args...))
	}
	switch {
	case f.name == "":
		refuse("name", "is missing")
	case !namePattern.MatchString(f.name) || len(f.name) < minNameRunes || len(f.name) > maxNameRunes:
		refuse("name", "is %q: want %d to %d characters, a-z, 0-9 and single hyphens inside", shorten(f.name), minNameRunes, maxNameRunes)
	case f.name != name:
		refuse("name", "is %q and the entry's %q: an agent finds a skill by the name of its folder, so all of them must agree", f.name, name)
	}
	switch n := utf8.RuneCountInString(f.description); {
	case strings.TrimSpace(f.description) == "":
		refuse("description", "is missing: an agent decides by it when to use the skill")
	case n > maxDescription:
		refuse("description", "has %d characters: at most %d are allowed", n, maxDescription)
	}
	if n := utf8.RuneCountInString(f.compatibility); n > maxCompatibility {
		refuse("compatibility", "has %d characters: at most %d are allowed", n, maxCompatibility)
	}
	if len(f.metadata) > maxMetadata {
		refuse("metadata", "has %d fields: at most %d are allowed", len(f.metadata), maxMetadata)
	}
	if len(f.allowedTools) > maxAllowedTools {
		refuse("allowed-tools", "names %d tools: at most %d are allowed", len(f.allowedTools), maxAllowedTools)
	}
	for _, tool := range f.allowedTools {
		if len(tool) > maxAllowedToolText {
			refuse("allowed-tools", "holds %q, which is too long for a tool", shorten(tool))
		}
	}
	return errs
}

// requires returns the artifacts that the skill says it needs besides.
func (f *frontmatter) requires() []string {
	var refs []string
	for line := range strings.Lines(f.metadata[requiresKey]) {
		if line = strings.TrimSpace(line); line != "" {
			refs = append(refs, line)
		}
	}
	return refs
}

func shorten(s string) string {
	if utf8.RuneCountInString(s) > 80 {
		s = fmt.Sprintf("%.80s…", s)
	}
	return s
}
