package flow

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slipway-dev/slipway/internal/sandbox"
	"github.com/slipway-dev/slipway/internal/scratch"
	"github.com/slipway-dev/slipway/internal/unpack"
)

const (
	resolverWork = "/work" // the folder to resolve in
	resolveTime  = 5 * time.Minute
	resolveBytes = 2 << 30 // memory: npm keeps the metadata of all versions
	maxOutput    = 64 << 10
)

// resolver returns how to run the package manager of that name, as a base pins it.
func (l *Line) resolver(base, name string) func(ctx context.Context, dir string, args, env []string) error {
	return func(ctx context.Context, dir string, args, env []string) error {
		return l.resolve(ctx, base, name, dir, args, env)
	}
}

// resolve runs a package manager under the base's own language in the sandbox: with the network of this machine, since it asks the registry,
// but without its files.
func (l *Line) resolve(ctx context.Context, base, name, dir string, args, env []string) error {
	runtime, err := l.sandbox(ctx)
	if err != nil {
		return err
	}
	standing, err := l.base(ctx, base)
	if err != nil {
		return err
	}
	if pinned := standing.base.Spec.Resolver; pinned != nil && pinned.Package != name {
		return fmt.Errorf("base %s resolves with %s, and these entries need %s: name another base", base, pinned.Package, name)
	}
	manager := managers[name]
	root, err := l.resolverRoot(ctx, standing, manager)
	if err != nil {
		return err
	}
	mounts := []sandbox.Mount{{Source: dir, Target: resolverWork, Writable: true}}
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if _, err := os.Stat(name); err == nil {
			mounts = append(mounts, sandbox.Mount{Source: name, Target: name})
		}
	}
	env = append(append(env, "PATH=/usr/local/bin:/usr/bin", "HOME=/tmp"), manager.env...)
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"} {
		if file := l.variable(name); file != "" && holdsCertificate(file) {
			mounts = append(mounts, sandbox.Mount{Source: file, Target: "/etc/ssl/machine.pem"})
			env = append(env, manager.certificates+"=/etc/ssl/machine.pem")
			break
		}
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := l.variable(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	process, err := runtime.Start(ctx, sandbox.Spec{
		Root: root, Args: append(slices.Clone(manager.command), args...), Env: env, Dir: resolverWork,
		AsOwner: true, Mounts: mounts, Network: sandbox.Host,
		Memory: resolveBytes, Timeout: resolveTime, TmpfsBytes: 1 << 30,
	})
	if err != nil {
		return err
	}
	if err := process.Stdin.Close(); err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := io.CopyN(&out, process.Stdout, maxOutput); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := io.Copy(io.Discard, process.Stdout); err != nil {
		return err
	}
	if exit := process.Wait(); exit.Reason != sandbox.Exited || exit.Code != 0 || exit.Signal != 0 {
		return fmt.Errorf("%s %s:\n%s%s", name, exit, out.Bytes(), exit.Stderr)
	}
	return nil
}

// holdsCertificate reports whether a file has certificates in PEM, as package managers want them.
func holdsCertificate(name string) bool {
	data, err := os.ReadFile(name)
	return err == nil && x509.NewCertPool().AppendCertsFromPEM(data)
}

// resolverRoot returns the unpacked root file system of a base with its package manager in it. It is made once and kept.
func (l *Line) resolverRoot(ctx context.Context, standing *standing, manager manager) (string, error) {
	name := standing.base.Name
	return l.resolvers.get(ctx, name, func() (string, error) {
		pinned, err := standing.base.Resolver(ctx, standing.sources, hostPlatform().Architecture)
		if err != nil {
			return "", err
		}
		key := sha256Of([]byte(standing.base.Key() + pinned.Digest.String() + resolverDir))[len("sha256:"):]
		root := filepath.Join(l.Cache, "resolvers", key)
		if _, err := os.Stat(root); err == nil {
			return root, nil
		}
		parts, err := standing.on(ctx, hostPlatform())
		if err != nil {
			return "", err
		}
		archive, err := l.downloads.File(ctx, pinned)
		if err != nil {
			return "", err
		}
		unfinished := filepath.Join(filepath.Dir(root), "unfinished")
		if err := os.MkdirAll(unfinished, 0o755); err != nil {
			return "", err
		}
		place, err := os.OpenRoot(unfinished)
		if err != nil {
			return "", err
		}
		defer place.Close()
		folder, err := scratch.Open(place, ".")
		if err != nil {
			return "", err
		}
		defer func() { _ = folder.Close() }() // what stays is removed by the next one
		fresh := filepath.Join(unfinished, folder.Path, "root")
		if err := os.Mkdir(fresh, 0o755); err != nil {
			return "", err
		}
		if err := unpackResolver(ctx, fresh, parts.Layers, archive, manager); err != nil {
			return "", fmt.Errorf("prepare the resolver of base %s: %w", name, err)
		}
		if err := os.Rename(fresh, root); err != nil && !errors.Is(err, fs.ErrExist) {
			if _, statErr := os.Stat(root); statErr != nil { // another process may have been faster
				return "", err
			}
		}
		return root, nil
	})
}

// unpackResolver writes the layers and the package manager's archive below dir.
func unpackResolver(ctx context.Context, dir string, layers []v1.Layer, archive string, manager manager) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	image, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return err
	}
	if err := sandbox.ExtractRootFS(ctx, image, dir); err != nil {
		return err
	}
	top, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer top.Close()
	for _, path := range []string{resolverDir, resolverWork} {
		if err := top.MkdirAll(path[1:], 0o755); err != nil {
			return err
		}
	}
	root, err := top.OpenRoot(resolverDir[1:])
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	return manager.unpack(ctx, f, func(file unpack.File, content io.Reader) error {
		if file.Mode.IsDir() {
			return root.MkdirAll(file.Path, 0o755)
		}
		if parent := filepath.Dir(file.Path); parent != "." {
			if err := root.MkdirAll(parent, 0o755); err != nil {
				return err
			}
		}
		out, err := root.OpenFile(file.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, file.Mode.Perm()|0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		return errors.Join(err, out.Close())
	})
}
