package render

import (
	"errors"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/evenkeel/evenkeel/internal/policy"
)

// errOneMachine refuses instances on several machines with a file of one.
var errOneMachine = errors.New("session.store is a SQLite file, which belongs to one machine: take redis:// or another store that all instances reach")

// shared reports a store that instances on several machines cannot share.
func (v *view) shared() error {
	if v.Service.Session.Scheme() == "sqlite" {
		return errOneMachine
	}
	return nil
}

func kubernetes(v *view) (files []File, err error) {
	if err := v.shared(); err != nil {
		return nil, err
	}
	if v.K, err = v.Kubernetes(); err != nil {
		return nil, err
	}
	if v.Behind(policy.AWSController) {
		if v.A, err = v.ALB(); err != nil {
			return nil, err
		}
		if v.E.DeregistrationDelay, err = v.Deregistration(); err != nil {
			return nil, err
		}
	}
	return v.one("kubernetes.yaml")
}

func ingressNginx(v *view) (files []File, err error) {
	if v.P, err = v.Proxy(); err != nil {
		return nil, err
	}
	return v.as("ingress-nginx.yaml", "ingress.yaml")
}

func terraform(v *view) (files []File, err error) {
	if err := v.aws(); err != nil {
		return nil, err
	}
	if files, err = v.as("terraform.tf", "main.tf"); err != nil {
		return nil, err
	}
	files[0].Data = hclwrite.Format(files[0].Data)
	return files, nil
}

// aws fills in the numbers of ECS behind an ALB.
func (v *view) aws() (err error) {
	if err := v.shared(); err != nil {
		return err
	}
	if v.E, err = v.ECS(); err != nil {
		return err
	}
	v.A, err = v.ALB()
	return err
}

func spring(v *view) (files []File, err error) {
	if v.S, err = v.Spring(); err != nil {
		return nil, err
	}
	if files, err = v.one(profile); err != nil || !v.Behind(policy.Eureka) {
		return files, err
	}
	// Other programs have the other two, each in its own folder.
	files[0].Name = v.Name() + "/" + profile
	for _, program := range []string{"caller", "registry"} {
		more, err := v.as(program+".yml", program+"/"+profile)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, nil
}

// profile is the file of Spring's profile evenkeel.
const profile = "application-evenkeel.yml"

func systemd(v *view) ([]File, error) {
	v.Y = v.Systemd()
	return v.as("systemd.service", v.Name()+".service")
}

func nginx(v *view) (files []File, err error) {
	if v.P, err = v.Proxy(); err != nil {
		return nil, err
	}
	return v.one("nginx.conf")
}

func haproxy(v *view) (files []File, err error) {
	if v.P, err = v.Proxy(); err != nil {
		return nil, err
	}
	if v.Check, err = v.Checks(); err != nil {
		return nil, err
	}
	return v.one("haproxy.cfg")
}
