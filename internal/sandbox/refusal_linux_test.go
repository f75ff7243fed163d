package sandbox

import (
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	pb "gvisor.dev/gvisor/pkg/sentry/seccheck/points/points_go_proto"
)

// message is one of gVisor's kernel.
func message(size uint16, kind pb.MessageType, dropped uint32, payload []byte) []byte {
	m := binary.NativeEndian.AppendUint16(nil, size)
	m = binary.NativeEndian.AppendUint16(m, uint16(kind))
	m = binary.NativeEndian.AppendUint32(m, dropped)
	return append(m, payload...)
}

// ended is the payload of a message that a call has ended with an error number.
func ended(t testing.TB, errno unix.Errno) []byte {
	t.Helper()
	payload, err := proto.Marshal(&pb.Syscall{Sysno: unix.SYS_CLONE, Exit: &pb.Exit{Result: -1, Errorno: int64(errno)}})
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	const raw = pb.MessageType_MESSAGE_SYSCALL_RAW
	for name, test := range map[string]struct {
		message []byte
		refused bool
		err     string
	}{
		"success":                      {message: message(8, raw, 0, ended(t, 0))},
		"another error":                {message: message(8, raw, 0, ended(t, unix.ENOSYS))},
		"refused":                      {message: message(8, raw, 0, ended(t, unix.EAGAIN)), refused: true},
		"the header of a later gVisor": {message: message(12, raw, 0, append(make([]byte, 4), ended(t, unix.EAGAIN)...)), refused: true},
		"nothing":                      {err: "0 bytes, too few"},
		"short header":                 {message: message(7, raw, 0, nil), err: "header has 7"},
		"long header":                  {message: message(9, raw, 0, nil), err: "header has 9"},
		"dropped messages":             {message: message(8, raw, 3, ended(t, 0)), err: "could not send 3 messages"},
		"another message":              {message: message(8, pb.MessageType_MESSAGE_SENTRY_EXEC, 0, nil), err: "MESSAGE_SENTRY_EXEC"},
		"broken payload":               {message: message(8, raw, 0, []byte{0xff}), err: "cannot be read"},
	} {
		refused, err := refusal(test.message)
		if refused != test.refused || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %t, %v", name, refused, err)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(message(8, pb.MessageType_MESSAGE_SYSCALL_RAW, 0, ended(f, unix.EAGAIN)))
	f.Add(message(16, pb.MessageType_MESSAGE_SYSCALL_RAW, 1, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		if refused, err := refusal(text); refused && err != nil {
			t.Errorf("refused, and %v", err)
		}
	})
}
