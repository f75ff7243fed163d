package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/flow"
	"github.com/slipway-dev/slipway/internal/registry"
)

// registryTimeout bounds how long a client may take to send a request's header, and how long running requests get when the server stops.
const registryTimeout = 10 * time.Second

func (a *app) registryCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Serve the embedded OCI registry to other clients, until interrupted",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.serveRegistry(cmd.Context(), listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", registry.Host, "loopback `ADDRESS` to listen on; references name "+registry.Host)
	return cmd
}

func (a *app) serveRegistry(ctx context.Context, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--listen %s: want HOST:PORT: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %s: the embedded registry asks nobody who they are, so it serves loopback addresses only", address)
	}
	line, stop, err := a.open(ctx, flow.Checks{})
	if err != nil {
		return err
	}
	defer stop()
	embedded, err := line.EmbeddedRegistry()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("serve the embedded registry: %w", err)
	}
	fmt.Fprintf(a.stderr, "serving %s/registry on http://%s\n", line.Out, listener.Addr())
	server := &http.Server{Handler: embedded.Handler(), ReadHeaderTimeout: registryTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), registryTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("stop the embedded registry: %w", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
