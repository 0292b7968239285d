// The web client is a single page that reads the path by itself, so a path that is no
// file gets the page. A file's name has a dot. So may a name in the path of a page, which
// is why a browser that opens a page (and does not load a part of one) gets the page too,
// unless it asks for a file at the top, such as /robots.txt.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
function handler(event) {
  var request = event.request;
  var slash = request.uri.lastIndexOf('/');
  var isFile = request.uri.indexOf('.', slash) >= 0;
  var wanted = request.headers['sec-fetch-dest'];
  var isPage = slash > 0 && wanted !== undefined && wanted.value === 'document';
  if (!isFile || isPage) {
    request.uri = '/index.html';
  }
  return request;
}
