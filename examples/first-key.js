const Riak = require('basho-riak-client'), fs = require('fs');
const certs = process.env.EPHEMERAL_CERTS || 'build/run/certs';
const pem = (name) => fs.readFileSync(`${certs}/${name}`, 'utf8');
const auth = { user: 'myuser', ca: pem('rootCA.crt'), cert: pem('myuser.crt'), key: pem('myuser.key') };
const node = new Riak.Node({ remoteAddress: '127.0.0.1', remotePort: 8087, auth });
const client = new Riak.Client(new Riak.Cluster({ nodes: [node] }));
client.fetchValue({ bucket: 'greetings', key: 'first' }, (err, result) => {
  console.log(err || (result.isNotFound ? 'no such key' : `${result.values[0].value}`));
  client.stop();
});
