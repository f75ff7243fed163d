package engine

import (
	"fmt"
	"os"
	"os/exec"
)

// commandVariable names Dagger's command to its client library. Where it is not set, the library downloads one.
const commandVariable = "_EXPERIMENTAL_DAGGER_CLI_BIN"

// runnerVariable names an engine to Dagger's command.
const runnerVariable = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"

// useCommand has the client library start sessions with the dagger command that the user has, so that it downloads none. The choice is an
// environment variable of this process.
func useCommand() error {
	if os.Getenv(commandVariable) != "" {
		return nil
	}
	found, err := exec.LookPath("dagger")
	if err != nil {
		return fmt.Errorf("engines are reached through Dagger's command: install dagger v0.19.10 on the PATH, or name it in %s: %w", commandVariable, err)
	}
	return os.Setenv(commandVariable, found)
}
