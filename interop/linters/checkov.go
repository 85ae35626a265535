package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

const checkovVersion = "3.3.30"

// checkov runs once over all cases: its checks look at one object each.
type checkov struct {
	root, venv string
	byCase     map[string][]report // by folder below root
}

func (*checkov) name() string { return "checkov" }

func (k *checkov) prepare(ctx context.Context) error {
	program := filepath.Join(k.venv, "bin", "checkov")
	if _, err := os.Stat(program); err != nil {
		if out, err := exec.CommandContext(ctx, "python3", "-m", "venv", k.venv).CombinedOutput(); err != nil {
			return fmt.Errorf("python3 -m venv: %w: %.300s", err, out)
		}
		pip := exec.CommandContext(ctx, filepath.Join(k.venv, "bin", "pip"), "install", "--quiet", "checkov=="+checkovVersion)
		if out, err := pip.CombinedOutput(); err != nil {
			return fmt.Errorf("pip install checkov: %w: %.300s", err, out)
		}
	}
	cmd := exec.CommandContext(ctx, program, "-d", k.root, "--framework", "kubernetes", "-o", "json", "--compact", "--quiet", "--skip-download")
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	runErr := cmd.Run() // 1 is that of findings
	if err := k.parse(out.Bytes()); err != nil {
		return fmt.Errorf("%w: %.300s", errors.Join(runErr, err), problem.String())
	}
	return nil
}

type checkovReport struct {
	Results struct {
		FailedChecks []struct {
			CheckID   string `json:"check_id"`
			CheckName string `json:"check_name"`
			Resource  string `json:"resource"` // Kind.namespace.name
			FilePath  string `json:"file_path"`
		} `json:"failed_checks"`
	} `json:"results"`
}

func (k *checkov) parse(data []byte) error {
	var all []checkovReport
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '{' {
		data = append(append([]byte("["), data...), ']')
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("what checkov says is no JSON: %w", err)
	}
	k.byCase = map[string][]report{}
	for _, one := range all {
		for _, f := range one.Results.FailedChecks {
			part := strings.SplitN(f.Resource, ".", 3)
			if len(part) < 3 {
				continue
			}
			at := strings.SplitN(strings.TrimPrefix(f.FilePath, "/"), "/", 3)
			if len(at) < 3 {
				continue
			}
			key := path.Join(at[0], at[1])
			k.byCase[key] = append(k.byCase[key], report{kind: part[0], name: part[2], check: f.CheckID, text: f.CheckName})
		}
	}
	if len(k.byCase) == 0 {
		return errors.New("checkov says nothing of any case")
	}
	return nil
}

func (k *checkov) lint(_ context.Context, c testCase) ([]report, error) {
	return k.byCase[path.Join(c.rule, c.name)], nil
}
