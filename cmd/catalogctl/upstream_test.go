package main

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-dev/slipway/internal/keyless/keylesstest"
	"github.com/slipway-dev/slipway/internal/sign"
	"github.com/slipway-dev/slipway/internal/verify"
)

// signer is whoever signs upstream's images.
const signer = "https://github.com/owner/time"

// upstreamCommand is somebody else's registry, registry.example.localhost: what a machine without a network reaches under that name through a proxy.
//
//	upstream open             starts it, with nothing in it
//	upstream push LAYOUT REF  pushes what lies in a layout
//	upstream one LAYOUT REF   pushes only the image for linux/amd64, without an index
//	upstream move REF         lets a tag stand for another image
//	upstream sign REF FILE    signs what a tag stands for as a workflow of the owner's, and writes whom to trust
func upstreamCommand(ts *testscript.TestScript, _ bool, args []string) {
	if args[0] == "open" {
		s := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(true), ggcr.Logger(log.New(io.Discard, "", 0))))
		ts.Defer(s.Close)
		ts.Setenv("HTTP_PROXY", s.URL)
		ts.Setenv("UPSTREAM", s.Listener.Addr().String())
		return
	}
	ref, err := name.NewTag(ts.Getenv("UPSTREAM") + "/" + args[len(args)-1])
	if args[0] == "sign" {
		ref, err = name.NewTag(ts.Getenv("UPSTREAM") + "/" + args[1])
	}
	ts.Check(err)
	switch args[0] {
	case "push", "one":
		index, err := built(ts.MkAbs(args[1]))
		ts.Check(err)
		if args[0] == "push" {
			ts.Check(remote.WriteIndex(ref, index))
			return
		}
		manifest, err := index.IndexManifest()
		ts.Check(err)
		image, err := index.Image(manifest.Manifests[0].Digest)
		ts.Check(err)
		ts.Check(remote.Write(ref, image))
	case "move":
		image, err := mutate.Config(empty.Image, v1.Config{Cmd: []string{"another"}})
		ts.Check(err)
		ts.Check(remote.Write(ref, image))
	case "sign":
		root, err := signTag(ref)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), root, 0o600))
	default:
		ts.Fatalf("upstream cannot %s", args[0])
	}
}

// built returns the index in a layout.
func built(dir string) (v1.ImageIndex, error) {
	root, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := root.IndexManifest()
	if err != nil {
		return nil, err
	}
	return root.ImageIndex(manifest.Manifests[0].Digest)
}

// signTag signs what a tag stands for without a lasting key, and returns the trust root of the authority that knows the signer.
func signTag(ref name.Tag) ([]byte, error) {
	signed, err := remote.Get(ref)
	if err != nil {
		return nil, err
	}
	authority := keylesstest.New()
	payload := sign.Simple(ref.Context().Name(), signed.Digest.String())
	image, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:       static.NewLayer(payload, types.MediaType(sign.SimpleMediaType)),
		Annotations: authority.Simple(keylesstest.Workflow(signer, ".github/workflows/release.yml"), payload),
	})
	if err != nil {
		return nil, fmt.Errorf("the image of signatures: %w", err)
	}
	return authority.Root(), remote.Write(ref.Context().Tag(verify.TagFor(signed.Digest, verify.SignatureSuffix)), image)
}
