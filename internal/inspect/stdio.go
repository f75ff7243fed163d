package inspect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// stdio is the transport of the specification's "stdio": one JSON-RPC message a line. It is [mcp.IOTransport] for a peer that is not trusted.
type stdio struct {
	in  io.WriteCloser // the server's standard input
	out io.Reader      // its standard output
	log *transcript
}

// Connect starts to read. It implements [mcp.Transport].
func (s *stdio) Connect(context.Context) (mcp.Connection, error) {
	c := &stdioConn{stdio: s, incoming: make(chan arrival), closed: make(chan struct{})}
	go c.receive()
	return c, nil
}

type stdioConn struct {
	*stdio
	write    sync.Mutex
	incoming chan arrival
	once     sync.Once
	closed   chan struct{}
}

// arrival is a message, or the error that ends them.
type arrival struct {
	message jsonrpc.Message
	err     error
}

func (c *stdioConn) SessionID() string { return "" }

// Read returns the next message. After [io.EOF] or a [*Failure] there are no more.
func (c *stdioConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	select {
	case a := <-c.incoming:
		return a.message, a.err
	case <-c.closed:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *stdioConn) Write(_ context.Context, m jsonrpc.Message) error {
	data, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return err
	}
	c.log.sent(data)
	c.write.Lock()
	defer c.write.Unlock()
	_, err = c.in.Write(append(data, '\n'))
	return err
}

// Close ends the server's input, which asks it to end.
func (c *stdioConn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.closed)
		err = c.in.Close()
	})
	return err
}

func (c *stdioConn) receive() {
	lines := bufio.NewReaderSize(c.out, 64<<10)
	for {
		line, err := c.line(lines)
		if err == nil {
			err = c.deliver(line)
		}
		if err != nil {
			select {
			case c.incoming <- arrival{err: err}:
			case <-c.closed:
			}
			return
		}
	}
}

// line reads a line of bounded length. The last one may lack its end.
func (c *stdioConn) line(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if over := c.log.weigh(len(part)); over != nil {
			return nil, over
		}
		if len(line)+len(part) > maxMessage {
			return nil, c.log.failed(failf(TooLarge, "", "The server sent a line of more than %d MiB.", maxMessage>>20))
		}
		line = append(line, part...)
		switch {
		case err == nil, err == io.EOF && len(line) > 0:
			return bytes.TrimSpace(line), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// deliver passes on the message of a line, or the messages of a batch, which revision 2025-03-26 allows.
func (c *stdioConn) deliver(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	if !utf8.Valid(line) {
		return c.log.failed(failf(InvalidUTF8, "", "The server sent a line that is no valid UTF-8: %q", excerpt(string(bytes.ToValidUTF8(line, []byte("�"))), 120)))
	}
	messages, ok := split(line)
	if !ok {
		return c.log.heard(line)
	}
	for _, raw := range messages {
		if err := c.log.received(raw); err != nil {
			return err
		}
		message, err := jsonrpc.DecodeMessage(raw)
		if err != nil {
			return c.log.failed(failf(InvalidJSON, "", "The server sent a message that is none of JSON-RPC 2.0 (%v): %s", err, excerpt(string(raw), 200)))
		}
		select {
		case c.incoming <- arrival{message: message}:
		case <-c.closed:
			return io.EOF
		}
	}
	return nil
}
