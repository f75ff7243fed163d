package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	pb "gvisor.dev/gvisor/pkg/sentry/seccheck/points/points_go_proto"
)

// Of gVisor's runtime monitoring.
const (
	monitorSession = "Default" // the one session that there may be
	monitorVersion = 1         // of the protocol for remote sinks
	monitorHeader  = 8         // bytes: the header's size, the type of message, how many messages were dropped; then comes the payload
	monitorMessage = 64 << 10  // bytes of the longest message
	monitorRetries = 1000      // of a message that finds the socket full, up to 10 ms apart; the program waits meanwhile
)

// starting returns the system calls by which programs start processes and threads.
func starting() []int {
	calls := []int{unix.SYS_CLONE, unix.SYS_CLONE3}
	if runtime.GOARCH == "amd64" {
		calls = append(calls, 57, 58) // fork and vfork, which later architectures lack
	}
	return calls
}

// monitor is where gVisor's kernel tells how each call of the program for another process or thread has ended, before the program goes on. It is a remote
// sink of gVisor's runtime monitoring.
type monitor struct{ *net.UnixListener }

func newMonitor(b bundle) (*monitor, error) {
	type object map[string]any
	points := []object{}
	for _, call := range starting() {
		points = append(points, object{"name": "syscall/sysno/" + strconv.Itoa(call) + "/exit"})
	}
	socket := filepath.Join(string(b), "socket")
	config, err := json.Marshal(object{"trace_session": object{
		"name": monitorSession, "points": points,
		"sinks": []object{{"name": "remote", "config": object{"endpoint": socket, "retries": monitorRetries}}},
	}})
	if err != nil {
		return nil, fmt.Errorf("prepare to watch the sandbox: %w", err)
	}
	if err := os.WriteFile(b.monitor(), config, 0o600); err != nil {
		return nil, fmt.Errorf("prepare to watch the sandbox: %w", err)
	}
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: socket, Net: "unixpacket"})
	if err != nil {
		return nil, fmt.Errorf("prepare to watch the sandbox: %w", err)
	}
	return &monitor{listener}, nil
}

// watch calls refused when the kernel refuses the program another process or thread, which it does at the limit (EAGAIN in clone(2)). It returns when
// the kernel has ended, or when the monitor is closed before one has begun.
func (m *monitor) watch(refused func()) error {
	kernel, err := m.AcceptUnix()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	if err != nil {
		return err
	}
	defer kernel.Close()
	buffer := make([]byte, monitorMessage)
	if _, err := kernel.Read(buffer); err != nil {
		return err
	}
	hello, err := proto.Marshal(&pb.Handshake{Version: monitorVersion})
	if err != nil {
		return err
	}
	if _, err := kernel.Write(hello); err != nil {
		return err
	}
	for {
		n, err := kernel.Read(buffer)
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		again, err := refusal(buffer[:n])
		if err != nil {
			return err
		}
		if again {
			refused()
		}
	}
}

// refusal reports whether a message says that a call was refused for now.
func refusal(message []byte) (bool, error) {
	if len(message) < monitorHeader {
		return false, fmt.Errorf("gVisor's kernel sent %d bytes, too few for a message", len(message))
	}
	size := int(binary.NativeEndian.Uint16(message))
	if size < monitorHeader || size > len(message) {
		return false, fmt.Errorf("gVisor's kernel sent a message of %d bytes whose header has %d", len(message), size)
	}
	if dropped := binary.NativeEndian.Uint32(message[4:]); dropped > 0 {
		return false, fmt.Errorf("gVisor's kernel could not send %d messages", dropped)
	}
	if kind := pb.MessageType(binary.NativeEndian.Uint16(message[2:])); kind != pb.MessageType_MESSAGE_SYSCALL_RAW {
		return false, fmt.Errorf("gVisor's kernel sent a message of type %v", kind)
	}
	var call pb.Syscall
	if err := proto.Unmarshal(message[size:], &call); err != nil {
		return false, fmt.Errorf("gVisor's kernel sent a message that cannot be read: %w", err)
	}
	return call.GetExit().GetErrorno() == int64(unix.EAGAIN), nil
}
