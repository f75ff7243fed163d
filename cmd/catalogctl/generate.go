package main

import "github.com/spf13/cobra"

func (a *app) generateCommand() *cobra.Command { return &cobra.Command{Use: "generate"} }
