package attest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	provenancepb "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ProvenanceType is the predicate type of SLSA provenance v1.
const ProvenanceType = "https://slsa.dev/provenance/v1"

// BuildType says how to read the parameters of our provenance: an image laid out from locked packages on a locked base, without running
// any of them but what locked build requirements make of a package's sources, in a sandbox.
const BuildType = "https://github.com/slipway-dev/slipway/buildtypes/image/v1"

// Build is how an image came to be.
type Build struct {
	Entry   string // the entry's identifier in the catalog, such as "npx/context7"
	Package string
	Version string

	Catalog Source // where the entry is kept

	Base     string // name of the base
	BaseLock string // "sha256:…" of the base's lock; empty where there is no base
	Builder  Builder

	// Materials are everything that was unpacked into the image, and the lock files that chose it. Their order does not matter.
	Materials []Material

	Invocation        string // identifies the run; may be empty
	Started, Finished time.Time
}

// Source is a commit of a repository. Empty fields are unknown and left out.
type Source struct {
	Repository string // URL
	Commit     string // full hex digest
}

// Builder is the software that ran the build.
type Builder struct {
	ID      string // URI
	Version string
}

// Material is an input of the build.
type Material struct {
	URI    string // package URL, or empty for a file that only has a name
	Name   string
	Digest string // algorithm as in-toto names it and hex digits, such as "sha512:…" or "gitCommit:…"
}

// Provenance states how the subject was built, in SLSA provenance v1.
func Provenance(about Subject, b Build) (Statement, error) {
	external := map[string]any{"entry": b.Entry, "package": map[string]any{"name": b.Package, "version": b.Version}}
	if source := withoutEmpty(map[string]any{"repository": b.Catalog.Repository, "commit": b.Catalog.Commit}); len(source) > 0 {
		external["catalog"] = source
	}
	externalParameters, err := structpb.NewStruct(external)
	if err != nil {
		return Statement{}, fmt.Errorf("provenance of %s: external parameters: %w", b.Entry, err)
	}
	internalParameters, err := structpb.NewStruct(withoutEmpty(map[string]any{
		"base": b.Base, "baseLock": b.BaseLock, "builderVersion": b.Builder.Version,
	}))
	if err != nil {
		return Statement{}, fmt.Errorf("provenance of %s: internal parameters: %w", b.Entry, err)
	}
	dependencies, err := resolved(b)
	if err != nil {
		return Statement{}, fmt.Errorf("provenance of %s: %w", b.Entry, err)
	}
	return buildProto(about, ProvenanceType, &provenancepb.Provenance{
		BuildDefinition: &provenancepb.BuildDefinition{
			BuildType:            BuildType,
			ExternalParameters:   externalParameters,
			InternalParameters:   internalParameters,
			ResolvedDependencies: dependencies,
		},
		RunDetails: &provenancepb.RunDetails{
			Builder: &provenancepb.Builder{Id: b.Builder.ID, Version: map[string]string{"slipway": b.Builder.Version}},
			Metadata: &provenancepb.BuildMetadata{
				InvocationId: b.Invocation, StartedOn: timestamppb.New(b.Started.UTC()), FinishedOn: timestamppb.New(b.Finished.UTC()),
			},
		},
	})
}

// resolved returns the materials sorted and each once, with the catalog's commit first.
func resolved(b Build) ([]*intoto.ResourceDescriptor, error) {
	var all []*intoto.ResourceDescriptor
	if b.Catalog.Repository != "" && b.Catalog.Commit != "" {
		all = append(all, &intoto.ResourceDescriptor{
			Uri: "git+" + b.Catalog.Repository + "@" + b.Catalog.Commit, Digest: map[string]string{"gitCommit": b.Catalog.Commit},
		})
	}
	materials := slices.Clone(b.Materials)
	slices.SortFunc(materials, func(a, b Material) int {
		return strings.Compare(a.URI+"\x00"+a.Name+"\x00"+a.Digest, b.URI+"\x00"+b.Name+"\x00"+b.Digest)
	})
	for _, m := range slices.Compact(materials) {
		algorithm, hex, ok := strings.Cut(m.Digest, ":")
		if !ok || hex == "" {
			return nil, fmt.Errorf("dependency %s%s has no digest; every input of a build must have one", m.URI, m.Name)
		}
		all = append(all, &intoto.ResourceDescriptor{Uri: m.URI, Name: m.Name, Digest: map[string]string{algorithm: hex}})
	}
	return all, nil
}

func withoutEmpty(m map[string]any) map[string]any {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	return m
}
