package publish

import (
	"context"
	"errors"
	"os"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// copyLayout pushes the index by digest after everything below it, whatever the layers are: package remote of go-containerregistry is made
// for images, and looks into some of them.
func (p *publisher) copyLayout(ctx context.Context) error {
	source, err := oci.NewFromFS(ctx, os.DirFS(p.Layout))
	if err != nil {
		return err
	}
	root, err := source.Resolve(ctx, p.Digest)
	if err != nil {
		return err
	}
	target, err := remote.NewRepository(p.repository.Name())
	if err != nil {
		return err
	}
	target.PlainHTTP = p.repository.Scheme() == "http"
	target.Client = &auth.Client{
		Client: p.Access.Client(), Cache: auth.NewCache(),
		Credential: func(ctx context.Context, host string) (auth.Credential, error) {
			if host != target.Reference.Host() {
				return auth.EmptyCredential, nil
			}
			known, err := p.Access.Credentials(ctx, p.repository.Registry)
			if err != nil {
				return auth.EmptyCredential, err
			}
			return auth.Credential{Username: known.Username, Password: known.Password, RefreshToken: known.IdentityToken, AccessToken: known.RegistryToken}, nil
		},
	}
	return answered(oras.CopyGraph(ctx, source, target, root, oras.DefaultCopyGraphOptions))
}

// answered makes a registry's refusal the error that package verify knows.
func answered(err error) error {
	var refused *errcode.ErrorResponse
	if !errors.As(err, &refused) {
		return err
	}
	answer := &transport.Error{StatusCode: refused.StatusCode}
	for _, e := range refused.Errors {
		answer.Errors = append(answer.Errors, transport.Diagnostic{Code: transport.ErrorCode(e.Code), Message: e.Message, Detail: e.Detail})
	}
	return errors.Join(answer, err)
}
