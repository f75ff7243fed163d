package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"dagger.io/dagger"
)

// parts are what of a catalog its entries are made from and judged by: nothing else is sent to an engine.
var parts = []string{"catalog", "skills", "schema", "cue.mod", ".npmrc"}

// Config says what engines work on, and what steps there get of this machine's configuration. Paths are absolute.
type Config struct {
	Module  string // a folder, or a Git reference as Dagger writes it
	Catalog string // root of the catalog

	// Settings are arguments of the module's constructor that have a text for a value, such as npmRegistry; empty ones are left out.
	Settings map[string]string
	// Executables are arguments of the module's constructor that are programs for Platform, such as catalogctl. An engine on another platform
	// compiles its own.
	Executables map[string]string
	Platform    string // such as linux/amd64
	// Vulnerabilities is the folder of osv-scanner's database; none if it is empty.
	Vulnerabilities string
	// ImagePort is where on this machine's loopback the registry listens that the setting imageHost names, with images of others; 0 without one.
	ImagePort int
	// Certificates is the PEM file of those that programs on this machine trust; those of the module's image if it is empty.
	Certificates string
	// NPMRC is the user's configuration of npm, with its tokens; none if it is empty.
	NPMRC string

	Target Target
}

// Target is where entries are published, and with which key.
type Target struct {
	Registry string // repository prefix
	// Port on this machine's loopback where the host of Registry listens, if engines reach it through their sessions; 0 if by themselves.
	Port int
	// Auth is Docker's config.json with the credentials for Registry; none if it is empty.
	Auth []byte

	PrivateKey string // of a cosign key pair, as Dagger names secrets: file:// and a path, or env:// and a variable
	PublicKey  string // the file of its other half
	// PasswordVariable is the environment variable with the password of the private key; none if it is empty.
	PasswordVariable string
}

// source returns the argument of each step that is the catalog.
func (c Config) source(ctx context.Context, client *dagger.Client) (dagger.DirectoryID, error) {
	return client.Host().Directory(c.Catalog, dagger.HostDirectoryOpts{Include: parts}).ID(ctx)
}

// arguments returns the arguments of the module's constructor. Identifiers are asked for once, here.
func (c Config) arguments(ctx context.Context, client *dagger.Client) (map[string]any, error) {
	arguments := map[string]any{}
	for name, value := range c.Settings {
		if value != "" {
			arguments[name] = value
		}
	}
	platform, err := client.DefaultPlatform(ctx)
	if err != nil {
		return nil, err
	}
	for name, file := range c.Executables {
		if string(platform) != c.Platform {
			continue
		}
		if arguments[name], err = client.Host().File(file).ID(ctx); err != nil {
			return nil, err
		}
	}
	if c.Vulnerabilities != "" {
		if arguments["vulnerabilities"], err = client.Host().Directory(c.Vulnerabilities).ID(ctx); err != nil {
			return nil, err
		}
	}
	if c.Certificates != "" {
		if arguments["caBundle"], err = client.Host().File(c.Certificates).ID(ctx); err != nil {
			return nil, err
		}
	}
	if c.ImagePort != 0 {
		if arguments["images"], err = forwarded(ctx, client, c.Settings["imageHost"], c.ImagePort); err != nil {
			return nil, err
		}
	}
	if c.NPMRC != "" {
		if arguments["npmrc"], err = client.Secret("file://" + c.NPMRC).ID(ctx); err != nil {
			return nil, err
		}
	}
	return arguments, nil
}

// arguments returns the arguments of the module's release function.
func (t Target) arguments(ctx context.Context, client *dagger.Client) (map[string]any, error) {
	arguments := map[string]any{"registry": t.Registry}
	var err error
	if arguments["key"], err = client.Secret(t.PrivateKey).ID(ctx); err != nil {
		return nil, err
	}
	if arguments["publicKey"], err = client.Host().File(t.PublicKey).ID(ctx); err != nil {
		return nil, err
	}
	if t.PasswordVariable != "" {
		if arguments["keyPassword"], err = client.Secret("env://" + t.PasswordVariable).ID(ctx); err != nil {
			return nil, err
		}
	}
	if len(t.Auth) > 0 {
		if arguments["registryAuth"], err = client.SetSecret("registry-auth", string(t.Auth)).ID(ctx); err != nil {
			return nil, err
		}
	}
	if t.Port != 0 {
		host, _, _ := strings.Cut(t.Registry, "/")
		if arguments["registryService"], err = forwarded(ctx, client, host, t.Port); err != nil {
			return nil, err
		}
	}
	return arguments, nil
}

// forwarded is a port of this machine's loopback as a service, which steps reach at the port in the name of a host. It is started for the whole
// session: a service that no step uses any more is stopped ten seconds later, and the engine, v0.19.10, crashes if a step starts it meanwhile.
func forwarded(ctx context.Context, client *dagger.Client, host string, backend int) (dagger.ServiceID, error) {
	frontend := 80
	if _, port, found := strings.Cut(host, ":"); found {
		var err error
		if frontend, err = strconv.Atoi(port); err != nil {
			return "", fmt.Errorf("the port of %s: %w", host, err)
		}
	}
	port := dagger.PortForward{Frontend: frontend, Backend: backend, Protocol: dagger.NetworkProtocolTcp}
	service := client.Host().Service([]dagger.PortForward{port}, dagger.HostServiceOpts{Host: "127.0.0.1"})
	if _, err := service.Start(ctx); err != nil {
		return "", fmt.Errorf("let the engine reach port %d here: %w", backend, err)
	}
	return service.ID(ctx)
}
