"""A web server on this machine that publishes as GitHub and Hugging Face do."""

import contextlib
import hashlib
import http.server
import threading

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Publisher:
    """What is published, and what was asked for.

    ``files``: path of the URL -> content. ``repositories``: name -> {file -> content}.
    ``stated``: (repository, file) -> another checksum than its content has. ``ends_after``: path ->
    after how many bytes the next answer breaks off. ``moved``: path -> another path. ``asked``:
    (method, path, range) in order.
    """

    def __init__(self):
        self.files, self.repositories, self.stated, self.ends_after = {}, {}, {}, {}
        self.moved = {}
        self.asked = []
        self.url = ""

    def sent(self, name):
        """Ranges of the bodies that were sent of a path that ends so."""
        return [of for method, path, of in self.asked if method == "GET" and path.endswith(name)]


def _handler(publisher):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(False)

        def do_GET(self):
            self.answer(True)

        def answer(self, has_body):
            asked = self.headers.get("Range")
            publisher.asked.append((self.command, self.path, asked))
            if self.path in publisher.moved:
                self.respond(302, {"Location": publisher.moved[self.path]}, b"", has_body)
                return
            headers, content = self.found()
            if content is None:
                self.respond(404, headers, b"", has_body)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if asked and start >= len(content):
                self.respond(416, {}, b"", has_body)
                return
            self.respond(206 if asked else 200, headers, content[start:], has_body)

        def found(self):
            """(headers, content or None)."""
            if self.path in publisher.files:
                return {}, publisher.files[self.path]
            name, _, rest = self.path.strip("/").partition("/resolve/")
            file = rest.partition("/")[2]
            if name not in publisher.repositories:
                return {"X-Error-Code": "RepoNotFound"}, None
            content = publisher.repositories[name].get(file)
            if content is None:
                return {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, None
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{git}"'}
            if not file.endswith((".md", ".yaml")):  # those are in git itself
                checksum = hashlib.sha256(content).hexdigest()
                checksum = publisher.stated.get((name, file), checksum)
                headers |= {"X-Linked-Etag": f'"{checksum}"', "X-Linked-Size": str(len(content))}
            return headers, content

        def respond(self, status, headers, content, has_body):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if has_body:
                end = publisher.ends_after.pop(self.path, None)
                self.wfile.write(content[:end])
                if end is not None:
                    self.close_connection = True

    return Handler


@contextlib.contextmanager
def publishing():
    """Yields a Publisher while its server runs."""
    publisher = Publisher()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(publisher))
    publisher.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
