package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slipway-dev/slipway/internal/bounded"
	"github.com/slipway-dev/slipway/internal/catalog"
	"github.com/slipway-dev/slipway/internal/engine"
	"github.com/slipway-dev/slipway/internal/scan/osv"
	"github.com/slipway-dev/slipway/internal/sign"
)

// moduleSource is where Dagger finds the module of a release, by its tag.
const moduleSource = "github.com/slipway-dev/slipway"

const (
	moduleName = "slipway"
	maxModule  = 64 << 10 // of dagger.json, in bytes
)

// released matches a version that is a tag: neither a checkout's nor one that Go made up for a commit.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)[.\d]*)?$`)

// passwordVariable holds the password of the key to sign with.
const passwordVariable = "COSIGN_PASSWORD"

// Engines opens sessions with the engines at urls, for ReleaseOn, and returns what ends them. Module is where ci/ is: a folder, or a Git reference as
// Dagger writes it. Engines get of this machine what a release here would use: catalogctl itself and the sandbox, where they run on the same platform;
// the certificates that SSL_CERT_FILE names; the key, the credentials for the registry, the addresses and credentials of package registries; and the way to registries that listen only here:
// the one to publish to, such as the embedded one, and the one with the images of others that items name.
func (l *Line) Engines(ctx context.Context, urls []string, module string, items []catalog.Item) (*engine.Pool, func(), error) {
	config := engine.Config{Module: module}
	var err error
	if config.Catalog, err = filepath.Abs(l.Root); err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(module); err == nil && info.IsDir() {
		if config.Module, err = filepath.Abs(module); err != nil {
			return nil, nil, err
		}
	}
	registry, err := l.npmrc.Registry(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	config.Settings = map[string]string{
		"npmRegistry": registry.String(), "aptMirror": l.variable(mirrorVariable), "goProxy": l.variable("GOPROXY"),
	}
	// A machine without pip and uv names no index, and a step that needs one says so.
	if index, err := l.pipconf.Index(ctx); err == nil {
		config.Settings["pypiIndex"] = index.String()
	}
	if config.Settings["imageHost"], config.ImagePort, err = imagesHere(items); err != nil {
		return nil, nil, err
	}
	if file := l.variable("SSL_CERT_FILE"); file != "" && holdsCertificate(file) {
		if config.Certificates, err = filepath.Abs(file); err != nil {
			return nil, nil, err
		}
	}
	npmrc := filepath.Join(l.Home, ".npmrc")
	if _, err := os.Stat(npmrc); err == nil {
		config.NPMRC = npmrc
	}
	if config.Executables, err = l.executables(ctx); err != nil {
		return nil, nil, err
	}
	if slices.Contains(l.Catalog.Settings.Scanners, osv.Name) {
		config.Vulnerabilities = l.variable(osv.DatabaseVariable)
	}
	config.Platform = runtime.GOOS + "/" + runtime.GOARCH
	stop, err := l.aim(&config.Target)
	if err != nil {
		return nil, nil, err
	}
	pool, err := engine.Open(ctx, urls, config, l.Progress)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return pool, func() { pool.Close(); stop() }, nil
}

// imagesHere returns the registry on this machine that has the images of items, and its port on loopback; port 0 if there is none.
func imagesHere(items []catalog.Item) (host string, port int, err error) {
	for _, item := range items {
		image := item.Entry.Image
		if image == nil {
			continue
		}
		repository, err := name.NewRepository(image.Name)
		if err != nil {
			return "", 0, fmt.Errorf("%s: image.name: %w", item.Entry.ID(), err)
		}
		found, err := loopback(repository.RegistryStr())
		switch {
		case err != nil:
			return "", 0, fmt.Errorf("%s: image.name: %w", item.Entry.ID(), err)
		case found == 0 || repository.RegistryStr() == host:
		case host != "":
			return "", 0, fmt.Errorf("%s: image.name: engines reach one registry on this machine, and another entry names %s: release the two apart", item.Entry.ID(), host)
		default:
			host, port = repository.RegistryStr(), found
		}
	}
	return host, port, nil
}

// executables are the programs that steps on engines run. A machine may have no sandbox that it would need itself.
func (l *Line) executables(ctx context.Context) (map[string]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	programs := map[string]string{"catalogctl": self}
	if sandbox, err := l.sandbox(ctx); err == nil {
		if programs["runsc"], err = filepath.Abs(sandbox.Path()); err != nil {
			return nil, err
		}
	}
	if slices.Contains(l.Catalog.Settings.Scanners, osv.Name) {
		if scanner, err := l.osv(ctx); err == nil { // else the gate will say that it is missed
			programs["osvScanner"] = scanner.Path()
		}
	}
	return programs, nil
}

// aim says where to publish and with which key. The embedded registry is served until stop is called.
func (l *Line) aim(t *engine.Target) (stop func(), err error) {
	if _, err := l.key(); err != nil { // makes the line's own pair on first use
		return nil, err
	}
	private, public := l.KeyFile, l.publicKeyFile()
	if private == "" {
		private, public = filepath.Join(l.KeyDir(), sign.PrivateFile), filepath.Join(l.KeyDir(), sign.PublicFile)
	}
	if !strings.HasPrefix(private, inEnvironment) {
		if private, err = filepath.Abs(private); err != nil {
			return nil, err
		}
		private = "file://" + private
	}
	t.PrivateKey = private
	if t.PublicKey, err = filepath.Abs(public); err != nil {
		return nil, err
	}
	if l.variable(passwordVariable) != "" {
		t.PasswordVariable = passwordVariable
	}
	if l.Registry == "" {
		t.Registry = embeddedHost
		return l.serve(t)
	}
	t.Registry = l.Registry
	repository, err := name.NewRepository(l.Registry)
	if err != nil {
		return nil, fmt.Errorf("--registry: %w", err)
	}
	if t.Auth, err = l.auth(repository); err != nil {
		return nil, err
	}
	if t.Port, err = loopback(repository.RegistryStr()); err != nil {
		return nil, fmt.Errorf("--registry: %w", err)
	}
	return func() {}, nil
}

// serve serves the embedded registry on a port of loopback.
func (l *Line) serve(t *engine.Target) (stop func(), err error) {
	embedded, err := l.EmbeddedRegistry()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it returns at once
	if err != nil {
		return nil, fmt.Errorf("serve the embedded registry to engines: %w", err)
	}
	server := &http.Server{Handler: embedded.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()   // ends with Close
	t.Port = listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is one
	return func() { _ = server.Close() }, nil    // the sessions that used it are closed
}

// loopback returns the port of a host that only this machine reaches, 0 of any other.
func loopback(host string) (int, error) {
	address, port, err := net.SplitHostPort(host)
	if err != nil {
		address, port = host, "80"
	}
	if ip, err := netip.ParseAddr(address); err == nil && ip.IsLoopback() {
		return 0, fmt.Errorf("at %s each engine finds itself: write localhost for this machine", address)
	}
	if address != "localhost" && !strings.HasSuffix(address, ".localhost") {
		return 0, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("the port of %s: %w", host, err)
	}
	return int(n), nil
}

// auth returns the user's credentials for a repository as Docker's config.json, nil if there are none.
func (l *Line) auth(repository name.Repository) ([]byte, error) {
	found, err := l.keychain.Resolve(repository)
	if err != nil {
		return nil, fmt.Errorf("the credentials for %s: %w", repository.RegistryStr(), err)
	}
	if found == authn.Anonymous {
		return nil, nil
	}
	config, err := found.Authorization()
	if err != nil {
		return nil, fmt.Errorf("the credentials for %s: %w", repository.RegistryStr(), err)
	}
	return json.Marshal(map[string]any{"auths": map[string]any{repository.RegistryStr(): config}})
}

// Module returns where Slipway's Dagger module is: the catalog itself where that is Slipway's repository, else the release of this version.
func (l *Line) Module() (string, error) {
	text, err := bounded.File(os.DirFS(l.Root), "dagger.json", maxModule)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var module struct{ Name string }
	if err == nil {
		if err := json.Unmarshal(text, &module); err != nil {
			return "", fmt.Errorf("dagger.json: %w", err)
		}
	}
	switch {
	case module.Name == moduleName:
		return l.Root, nil
	case !released.MatchString(l.Version):
		return "", fmt.Errorf("this catalogctl is %s, which is no release, so no module belongs to it: name one with --module, such as the folder of a checkout", l.Version)
	}
	return moduleSource + "@" + l.Version, nil
}
