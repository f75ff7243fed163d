// The program is what the tests run in the sandbox: honest to say what it sees, hostile on demand.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/sandbox"
)

func main() {
	sandbox.ServeDial()
	switch os.Args[1] {
	case "report":
		report()
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "exit":
		fmt.Fprintln(os.Stderr, "goodbye \x1b[31mred\xff")
		os.Exit(7)
	case "signal":
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		time.Sleep(time.Second)
	case "sleep":
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "spin":
		for range 8 {
			go func() {
				for {
				}
			}()
		}
		select {}
	case "memory":
		var all [][]byte
		for {
			block := make([]byte, 4<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			all = append(all, block)
		}
	case "shared-memory":
		block, err := syscall.Mmap(-1, 0, 8<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED|syscall.MAP_ANON)
		fail(err)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
	case "fork":
		for {
			if err := exec.Command("/proc/self/exe", "fork").Start(); err != nil {
				time.Sleep(10 * time.Millisecond)
			}
		}
	case "fork-and-die":
		for {
			fail(exec.Command("/proc/self/exe", "sleep").Start())
		}
	case "flood":
		line := []byte(strings.Repeat("x", 65535) + "\n")
		for {
			_, _ = os.Stdout.Write(line)
		}
	case "flood-stderr":
		line := []byte(strings.Repeat("x", 65535) + "\n")
		for {
			_, _ = os.Stderr.Write(line)
		}
	case "fill":
		file, err := os.Create(os.Args[2])
		fail(err)
		n, err := io.Copy(file, io.LimitReader(endless{}, 1<<30))
		fmt.Println(n, err)
	case "serve":
		fmt.Println("ready")
		fail(http.ListenAndServe("127.0.0.1:8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(w, io.MultiReader(strings.NewReader("you said "), r.Body))
		})))
	case "reach":
		conn, err := net.DialTimeout("tcp", os.Args[2], 2*time.Second)
		if err == nil {
			_ = conn.Close()
		}
		fmt.Println(err)
	case "write":
		fmt.Println(os.WriteFile(os.Args[2], []byte("written"), 0o644))
	case "parent":
		parent()
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report prints what the sandbox shows of itself.
func report() {
	env := os.Environ()
	slices.Sort(env)
	host, _ := os.Hostname()
	status, _ := os.ReadFile("/proc/self/status")
	seen := map[string]string{
		"env": fmt.Sprint(len(env), " ", strings.Join(env, " ")), "host": host, "user": fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
	}
	scan := bufio.NewScanner(strings.NewReader(string(status)))
	for scan.Scan() {
		if name, value, ok := strings.Cut(scan.Text(), ":\t"); ok {
			seen[name] = strings.TrimSpace(value)
		}
	}
	seen["processors"] = fmt.Sprint(runtime.NumCPU())
	seen["root"] = fmt.Sprint(os.WriteFile("/new", nil, 0o644))
	seen["tmp"] = fmt.Sprint(os.WriteFile("/tmp/new", nil, 0o644))
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		seen["interfaces"] += i.Name + " "
	}
	entries, _ := os.ReadDir("/")
	for _, e := range entries {
		seen["files"] += e.Name() + " "
	}
	_ = json.NewEncoder(os.Stdout).Encode(seen)
}
