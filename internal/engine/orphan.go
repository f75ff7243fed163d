package engine

import (
	"os"
	"slices"

	"github.com/prometheus/procfs"
)

// endCommand kills the command that holds the session with the engine at a URL, a child of this process that nothing else would end: its library
// gives it five minutes, and once this process is gone it has for ever. That there is none is no error. Only Linux is asked.
func endCommand(url string) error {
	processes, err := procfs.AllProcs()
	if err != nil {
		return err
	}
	for _, p := range processes {
		stat, err := p.Stat()
		if err != nil || stat.PPID != os.Getpid() {
			continue // it has ended, or is none of this process
		}
		environ, err := p.Environ()
		if err != nil || !slices.Contains(environ, runnerVariable+"="+url) {
			continue
		}
		command, err := os.FindProcess(p.PID)
		if err != nil {
			return err
		}
		if err := command.Kill(); err != nil {
			return err
		}
	}
	return nil
}
