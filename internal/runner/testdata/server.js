// A web service that knows nothing of leaving: SIGTERM ends it at once.
require('http').createServer((req, res) => {
  const answer = () => res.end('ok\n')
  if (req.url === '/slow') setTimeout(answer, 2000)
  else answer()
}).listen(Number(process.argv[2]), '127.0.0.1')
