package finding_test

import (
	"encoding/json"
	"testing"

	"github.com/slipway-dev/slipway/internal/finding"
)

func TestUnknownSeverityReachesEveryThreshold(t *testing.T) {
	t.Parallel()
	if !finding.Unknown.Reaches(finding.Critical) {
		t.Error("an unknown severity must never slip below a threshold")
	}
	if finding.Medium.Reaches(finding.High) || !finding.High.Reaches(finding.High) {
		t.Error("severities are out of order")
	}
}

func TestSeverityText(t *testing.T) {
	t.Parallel()
	var s finding.Severity
	if err := json.Unmarshal([]byte(`"high"`), &s); err != nil || s != finding.High {
		t.Errorf("high = %v, %v", s, err)
	}
	if err := json.Unmarshal([]byte(`"HIGH"`), &s); err == nil {
		t.Error("HIGH was accepted")
	}
	if text, _ := json.Marshal(finding.Severity(42)); string(text) != `"unknown"` {
		t.Errorf("a severity out of range is written as %s", text)
	}
}

func TestFingerprintSeparatesItsParts(t *testing.T) {
	t.Parallel()
	if finding.Fingerprint("a", "bc", "d", "") == finding.Fingerprint("ab", "c", "d", "") {
		t.Error("parts run together")
	}
	if len(finding.Fingerprint("a", "b", "c", "d")) != 32 {
		t.Error("a fingerprint has 32 hex digits")
	}
}
