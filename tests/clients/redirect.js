// SPDX-License-Identifier: Apache-2.0
'use strict';
// Loaded before a program that connects to 127.0.0.1 port 8087 (node -r): it reaches the daemon of this test instead,
// so that the program itself runs as it stands in examples/.

const net = require('net');

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (port, host, ...rest) {
    if (port === 8087 && host === '127.0.0.1')
        return connect.call(this, Number(process.env.EPHEMERAL_PORT), process.env.EPHEMERAL_HOST, ...rest);
    return connect.call(this, port, host, ...rest);
};
