// API Gateway is asked by its own name. This is the name that the viewer asked, whatever
// he says in this header himself.
function handler(event) {
  var request = event.request;
  request.headers['x-forwarded-host'] = { value: request.headers.host.value };
  return request;
}
