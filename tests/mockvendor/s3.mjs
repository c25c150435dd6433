// S3-compatible storage for the tests, with one bucket, in the folder that is named; its key and secret are both S3RVER.
import S3rver from '@20minutes/s3rver';

const storage = new S3rver({
  address: '127.0.0.1',
  port: Number(process.argv[2]),
  directory: process.argv[3],
  silent: true,
  configureBuckets: [{ name: 'kept' }],
});
storage.run().then(() => console.log('ready'));
