package catalog

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/catalog/catalogtest"
	"github.com/slipway-dev/slipway/internal/entry"
)

// TestVerdicts judges the entries that e2e/cuevet_test.go gives to the stock cue command.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, v := range catalogtest.Verdicts() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			dir := "catalog/" + string(v.Kind) + "/server/"
			if v.Kind == entry.Skill {
				dir = "skills/server/"
			}
			_, err := Load(t.Context(), files(t, map[string]string{dir + "entry.cue": v.Source}), Options{})
			if accepted := err == nil; accepted != v.Accepted {
				t.Errorf("accepted is %v: %v\n%.600s", accepted, err, v.Source)
			}
		})
	}
}
