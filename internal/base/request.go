package base

import (
	"context"
	"fmt"
	"path"

	"github.com/slipway-dev/slipway/internal/fetch"
)

// maxTarball bounds a package of a base; that of Node.js has 52 MB.
const maxTarball = 256 << 20

// Runtime returns where the tarball of the language runtime for a Debian architecture is found and what it must hash to. The executable is
// bin/node below its one folder.
func (b *Base) Runtime(ctx context.Context, s Sources, arch string) (fetch.Request, error) {
	if err := b.CheckLock(); err != nil {
		return fetch.Request{}, err
	}
	t, ok := b.Locked.runtime(arch)
	if !ok {
		return fetch.Request{}, fmt.Errorf("base %s has no language runtime for %s", b.Name, arch)
	}
	return t.request(ctx, s)
}

func (t Tarball) request(ctx context.Context, s Sources) (fetch.Request, error) {
	address, header, err := npmAddress(ctx, s.NPM, t.Package, t.Package+"/-/"+path.Base(t.Package)+"-"+t.Version+".tgz")
	if err != nil {
		return fetch.Request{}, err
	}
	digest, err := fetch.ParseSRI(t.Integrity)
	if err != nil {
		return fetch.Request{}, err
	}
	return fetch.Request{URL: address, Header: header, Digest: digest, MaxBytes: maxTarball}, nil
}

func (p Package) request(s Sources) (fetch.Request, error) {
	archive, err := s.Mirrors.of(p.Suite)
	if err != nil {
		return fetch.Request{}, err
	}
	return fetch.Request{
		URL:      archive + "/" + p.Filename,
		Digest:   fetch.Digest{Algorithm: "sha256", Hex: p.SHA256},
		MaxBytes: p.Size,
	}, nil
}
