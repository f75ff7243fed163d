package github

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	api "github.com/google/go-github/v62/github"
	"go.yaml.in/yaml/v3"
)

// Label is a label of issues and pull requests.
type Label struct {
	Name        string `yaml:"name"`
	Color       string `yaml:"color"` // six hexadecimal digits
	Description string `yaml:"description"`
}

// maxDescription is how many characters of a description GitHub takes, and maxLabels how many labels are more than anybody means.
const (
	maxDescription = 100
	maxLabels      = 200
)

var (
	labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 :/._-]{0,49}$`)
	colorPattern = regexp.MustCompile(`^[0-9a-f]{6}$`)
)

// ParseLabels reads a YAML list of labels.
func ParseLabels(data []byte) ([]Label, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	var labels []Label
	if err := decoder.Decode(&labels); err != nil {
		return nil, err
	}
	if len(labels) > maxLabels {
		return nil, fmt.Errorf("%d labels are more than %d", len(labels), maxLabels)
	}
	seen := map[string]bool{}
	for _, l := range labels {
		folded := strings.ToLower(l.Name)
		switch {
		case !labelPattern.MatchString(l.Name):
			return nil, fmt.Errorf("label %q: want a name of at most 50 letters, digits, spaces and :/._-", l.Name)
		case seen[folded]:
			return nil, fmt.Errorf("label %q is there twice: to GitHub, upper and lower case are the same", l.Name)
		case !colorPattern.MatchString(l.Color):
			return nil, fmt.Errorf("label %q: color is %q, want six hexadecimal digits", l.Name, l.Color)
		case l.Description == "" || len([]rune(l.Description)) > maxDescription:
			return nil, fmt.Errorf("label %q: want a description of 1 to %d characters", l.Name, maxDescription)
		}
		seen[folded] = true
	}
	return labels, nil
}

// SetLabels makes the repository's labels of these names what they should be, and returns the names of those that were not. All other labels
// are left alone.
func (r *Repository) SetLabels(ctx context.Context, labels []Label) (changed []string, err error) {
	have := map[string]*api.Label{}
	err = pages("labels", func(page api.ListOptions) (*api.Response, error) {
		list, resp, err := r.client.Issues.ListLabels(ctx, r.owner, r.name, &page)
		for _, l := range list {
			have[strings.ToLower(l.GetName())] = l
		}
		return resp, err
	})
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		old, exists := have[strings.ToLower(l.Name)]
		want := &api.Label{Name: &l.Name, Color: &l.Color, Description: &l.Description}
		switch {
		case !exists:
			_, _, err = r.client.Issues.CreateLabel(ctx, r.owner, r.name, want)
		case !strings.EqualFold(old.GetColor(), l.Color) || old.GetDescription() != l.Description:
			_, _, err = r.client.Issues.EditLabel(ctx, r.owner, r.name, url.PathEscape(old.GetName()), want)
		default:
			continue
		}
		if err != nil {
			return changed, fmt.Errorf("set the label %q: %w", l.Name, err)
		}
		changed = append(changed, l.Name)
	}
	return changed, nil
}
