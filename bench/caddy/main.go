// Command caddy is Caddy with the standard modules that a reverse proxy needs,
// for the benchmark of the gateway. Its flags are Caddy's own:
//
//	caddy run --config FILE
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	// Modules that configurations name.
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
)

func main() { caddycmd.Main() }
