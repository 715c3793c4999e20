// The life of a cluster by the console, in a real browser, against the built server: tests/python/test_console.py
// starts both and says by the environment where they are. The chapters are one story, told in this order.
'use strict';

require('./chapters/beginning.js');
require('./chapters/credentials.js');
require('./chapters/members.js');
require('./chapters/snapshots.js');
require('./chapters/recovery.js');
require('./chapters/changes.js');
require('./chapters/api.js');
require('./chapters/everyone.js');
require('./chapters/ending.js');
