package sandbox

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// portVariable asks an executable that calls [ServeDial] to be the far end of a connection.
const portVariable = "SLIPWAY_SANDBOX_PORT"

// connected is the first byte that the far end sends, once it has its connection.
const connected = 1

// ErrRefused means that nothing listens on the port, or not yet.
var ErrRefused = errors.New("nothing listens on the port")

// ServeDial must be the first thing that main does in an executable whose sandboxes are dialled. It returns at once, unless the process was
// started inside a sandbox by [Process.Dial]: then it connects to the port that it was asked for, copies between that and its standard input and
// output, and ends the process.
func ServeDial() {
	port := os.Getenv(portVariable)
	if port == "" {
		return
	}
	if err := splice(port); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func splice(port string) error {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	dial := func(host string) (net.Conn, error) {
		return dialer.DialContext(context.Background(), "tcp", net.JoinHostPort(host, port))
	}
	conn, err := dial("127.0.0.1")
	if err != nil {
		var v6 error
		if conn, v6 = dial("::1"); v6 != nil {
			return err
		}
	}
	defer conn.Close()
	if _, err := os.Stdout.Write([]byte{connected}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin) // its error shows in the other direction
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	_, err = io.Copy(os.Stdout, conn)
	return err
}

// Dial connects to a TCP port of the sandbox's loopback device, which nothing outside can reach: it starts a second program inside, this
// executable or the one that Spec.Dialer names, that connects and passes the bytes on. The connection ends with the run. If nothing listens there
// the error wraps [ErrRefused].
func (p *Process) Dial(ctx context.Context, port int) (net.Conn, error) {
	helper, err := p.helper()
	if err != nil {
		return nil, err
	}
	defer helper.Close()
	cmd := p.rt.command(context.WithoutCancel(ctx), p, "exec", "--exec-fd=3", "--cwd=/", "--user="+p.user(), "--env="+portVariable+"="+strconv.Itoa(port), container, "dial")
	cmd.ExtraFiles = []*os.File{helper}
	c, err := startConn(cmd, port)
	if err != nil {
		return nil, fmt.Errorf("dial port %d of the sandbox: %w", port, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	var first [1]byte
	_, err = io.ReadFull(c, first[:])
	switch {
	case !stop():
		return nil, fmt.Errorf("dial port %d of the sandbox: %w", port, ctx.Err())
	case err != nil:
		_ = c.Close()
		<-c.ended
		return nil, fmt.Errorf("dial port %d of the sandbox: %w: %s", port, ErrRefused, bytes.TrimSpace([]byte(c.stderr.String())))
	case first[0] != connected:
		_ = c.Close()
		return nil, fmt.Errorf("dial port %d of the sandbox: the helper answered %#x", port, first[0])
	}
	return c, nil
}

func (p *Process) user() string {
	if p.spec.AsOwner {
		return "0:0"
	}
	return fmt.Sprintf("%d:%d", User, User)
}

// helper opens the executable to run inside, which must need no other file.
func (p *Process) helper() (*os.File, error) {
	path := p.spec.Dialer
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("dial into the sandbox: %w", err)
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("dial into the sandbox: %w", err)
	}
	image, err := elf.NewFile(file)
	if err == nil {
		for _, part := range image.Progs {
			if part.Type == elf.PT_INTERP {
				err = errors.New("it needs a dynamic loader; build it with CGO_ENABLED=0")
			}
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("dial into the sandbox: %s cannot run there: %w", path, err)
	}
	return file, nil
}

// conn is a connection over the standard input and output of a process.
type conn struct {
	in, out *os.File
	stderr  tail
	port    int
	ended   chan struct{}
}

func startConn(cmd *exec.Cmd, port int) (*conn, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		closeAll(inR, inW)
		return nil, err
	}
	c := &conn{in: inW, out: outR, port: port, ended: make(chan struct{})}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, &c.stderr
	err = cmd.Start()
	closeAll(inR, outW)
	if err != nil {
		closeAll(inW, outR)
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended shows in what it wrote
		close(c.ended)
	}()
	return c, nil
}

func (c *conn) Read(p []byte) (int, error) { return c.out.Read(p) }

func (c *conn) Write(p []byte) (int, error) { return c.in.Write(p) }

// Close ends the helper too: it sees the end of its input, and a closed output.
func (c *conn) Close() error { return errors.Join(c.in.Close(), c.out.Close()) }

func (c *conn) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (c *conn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.port} }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.out.SetReadDeadline(t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.in.SetWriteDeadline(t) }
