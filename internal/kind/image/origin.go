package image

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/slipway-dev/slipway/internal/entry"
	"github.com/slipway-dev/slipway/internal/finding"
	"github.com/slipway-dev/slipway/internal/keyless"
	"github.com/slipway-dev/slipway/internal/kind"
)

// The rules by which the origin of images is judged.
const (
	ruleTagMoved   = "tag-moved"
	ruleTagGone    = "tag-gone"
	ruleUnsigned   = "unsigned"
	ruleUnstated   = "signature-unstated"
	ruleSigned     = "signature-verified"
	ruleMissing    = "signature-missing"
	ruleUnexpected = "signature-unexpected"
	ruleUnread     = "packages-unread"
)

// found makes a finding about the image. What is what was found, so that a waiver of it does not cover anything else.
func (i *Ecosystem) found(rule string, severity finding.Severity, what, message, help string) finding.Finding {
	return finding.Finding{
		Scanner: kind.Upstream, Version: i.Version, Rule: rule, Severity: severity, Target: "image",
		Message: message, Help: help, Evidence: what, Fingerprint: finding.Fingerprint(kind.Upstream, rule, "image", what),
	}
}

// drift reports a tag that no longer stands for the image that is pinned. What is scanned and run is the pin.
func (i *Ecosystem) drift(ctx context.Context, repo *repository, e entry.Entry) ([]finding.Finding, error) {
	_, now, err := repo.tagged(ctx, e.Image.Tag)
	switch {
	case missing(err):
		return []finding.Finding{i.found(ruleTagGone, finding.Low, e.Image.Tag,
			fmt.Sprintf("The registry has no tag %s any more, so its publisher may have withdrawn the version.", e.Image.Tag),
			"Look for the publisher's reason, and choose a version that is there.")}, nil
	case err != nil:
		return nil, fmt.Errorf("look up %s:%s: %w", e.Image.Name, e.Image.Tag, err)
	case now.String() != e.Image.Digest:
		return []finding.Finding{i.found(ruleTagMoved, finding.Medium, now.String(),
			fmt.Sprintf("The tag %s stands for %s now, and the entry pins %s: a version was published twice.", e.Image.Tag, now, e.Image.Digest),
			"Find out what the publisher changed, then pin the new digest or choose another tag.")}, nil
	}
	return nil, nil
}

// origin looks up who signed the image and compares that with what the entry expects. Where the entry expects something, only a verified
// signature of just that signer is good.
func (i *Ecosystem) origin(ctx context.Context, repo *repository, e entry.Entry) ([]finding.Finding, error) {
	of := digest.Digest(e.Image.Digest)
	all, err := repo.signatures(ctx, of)
	if err != nil {
		return nil, fmt.Errorf("look for signatures of %s: %w", e.Image.Name, err)
	}
	if e.Provenance == nil {
		return []finding.Finding{i.unstated(all, e)}, nil
	}
	if len(all) == 0 {
		return []finding.Finding{i.found(ruleMissing, finding.Critical, e.Image.Digest,
			"The entry says who signed the image, and the registry has no signature of it: it may not come from where it should.",
			"Ask the publisher; if this version was never signed, take provenance out of the entry.")}, nil
	}
	trust, err := i.Trust(ctx)
	if err != nil {
		return nil, err
	}
	var reasons []string
	var signers []keyless.Signer
	for _, s := range all {
		if s.err == nil {
			var signer keyless.Signer
			if signer, s.err = s.Verify(e.Image.Digest, trust); s.err == nil {
				s.err = signer.Expected(*e.Provenance)
			}
			if s.err == nil {
				signers = append(signers, signer)
				continue
			}
		}
		reasons = append(reasons, s.place+": "+strings.ReplaceAll(s.err.Error(), "\n", "; "))
	}
	if len(signers) == 0 {
		slices.Sort(reasons)
		f := i.found(ruleUnexpected, finding.Critical, e.Image.Digest,
			fmt.Sprintf("Of the signatures of the image (%d), none was made by whom the entry expects: it may not come from where it should.", len(all)),
			"Find out who signed it. If the publisher's way of signing changed, change provenance in the entry.")
		f.Evidence = excerpt(strings.Join(reasons, " | "))
		return []finding.Finding{f}, nil
	}
	return []finding.Finding{i.verified(signers, e)}, nil
}

// verified says who signed, and which statements.
func (i *Ecosystem) verified(signers []keyless.Signer, e entry.Entry) finding.Finding {
	var who, predicates []string
	for _, s := range signers {
		who = append(who, s.String())
		if s.Predicate != "" {
			predicates = append(predicates, s.Predicate)
		}
	}
	slices.Sort(who)
	slices.Sort(predicates)
	text := "The image was signed, as the entry expects, by " + strings.Join(slices.Compact(who), " and ")
	if len(predicates) > 0 {
		text += ", who stated " + strings.Join(slices.Compact(predicates), " and ") + " about it"
	}
	return i.found(ruleSigned, finding.Info, e.Image.Digest, excerpt(text)+".", "")
}

// unstated tells what there is where the entry expects nothing.
func (i *Ecosystem) unstated(all []signature, e entry.Entry) finding.Finding {
	if len(all) == 0 {
		return i.found(ruleUnsigned, finding.Info, e.Image.Digest,
			"The image is unsigned upstream: only its digest says what it is, and nothing who made it.", "Ask the publisher to sign it.")
	}
	return i.found(ruleUnstated, finding.Info, e.Image.Digest,
		fmt.Sprintf("The registry has signatures of the image (%d), which were not verified: the entry does not say who must have signed.", len(all)),
		"Find out how the publisher signs, and write it as provenance into the entry.")
}

// maxExcerpt bounds what a finding quotes, in bytes.
const maxExcerpt = 1000

// excerpt makes text of strangers fit to be shown.
func excerpt(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), maxExcerpt)]
}
