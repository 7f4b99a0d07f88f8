// curl --data-binary @form.png http://localhost:8080
import { Detector, DetectorError } from 'checkbox-detector';
import module from 'checkbox-detector/checkbox_detector.wasm';

export default {
  async fetch(request) {
    if (request.method !== 'POST') return new Response('POST a picture of a form\n', { status: 405 });
    try {
      const detector = await Detector.load(module); // once for each isolate; later calls give the same
      return Response.json(detector.detect(await request.arrayBuffer()));
    } catch (error) {
      if (!(error instanceof DetectorError)) throw error;
      return Response.json(error, { status: 400 });
    }
  },
};
