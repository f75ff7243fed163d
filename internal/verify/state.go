package verify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/attest"
)

// Verified returns the items of a kind that the key signed about the subject, in one form or, with an empty form, in any.
func (e Evidence) Verified(kind string, form Form) Evidence {
	var out Evidence
	for _, item := range e {
		if item.Err == nil && item.Kind == kind && (form == "" || item.Form == form) {
			out = append(out, item)
		}
	}
	return out
}

// state sums up a kind of evidence. Anybody who may push can add items that are wrong, so one good item is enough; only where there is none
// do the wrong ones say why. An item that does not even say what it is may be the missing one.
func (e Evidence) state(kind string, form Form) (State, string) {
	if len(e.Verified(kind, form)) > 0 {
		return Verified, ""
	}
	var reasons []string
	for _, item := range e {
		if item.Err != nil && (item.Kind == kind || item.Kind == "") && (form == "" || item.Form == form) {
			reasons = append(reasons, fmt.Sprintf("%s: %v", item.Form, item.Err))
		}
	}
	if len(reasons) > 0 {
		return Failed, strings.Join(reasons, "; ")
	}
	return NotPresent, "the registry has none for this digest"
}

// verdict reads the newest verified SCAI report.
func (e Evidence) verdict() (State, string) {
	var newest *attest.Verdict
	var errs []error
	for _, item := range e.Verified(attest.SCAIType, "") {
		v, err := attest.ReadVerdict(item.Statement)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if newest == nil || v.Finished.After(newest.Finished) {
			newest = &v
		}
	}
	switch {
	case newest == nil && len(errs) > 0:
		return Failed, errors.Join(errs...).Error()
	case newest == nil:
		return NotPresent, "no verified SCAI report says how the scan ended"
	case !newest.Pass:
		return Failed, "the gate did not pass"
	}
	return Verified, ""
}
