"""What the document says about names, attributes and exporters; its services are in `as_published`."""

SERVER_SPAN = "/"
METRIC_EXPORTERS = {"console"}
ENDPOINT = "0.0.0.0:4317"
SERVER_ATTRIBUTES = {
    "http.method": "POST",
    "http.server_name": "127.0.0.1",
    "http.scheme": "http",
    "net.host.port": 5000,
    "http.host": "localhost:5000",
    "http.target": "/",
    "net.peer.ip": "127.0.0.1",
    "http.flavor": "1.1",
    "http.route": "/",
    "http.status_code": 200,
}
