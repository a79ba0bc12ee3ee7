// Browsers start no worker for a page that is opened from the disk. The search runs in a frame of
// its own then, whose script may be loaded from there.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.tell(new MessageEvent("message", { data }));
      inside.importScripts = () => undefined;
      const script = inside.document.createElement("script");
      this.ready = new Promise((loaded) => script.addEventListener("load", loaded));
      script.src = address;
      inside.document.body.append(script);
      Object.assign(this, { frame, inside });
    }
    tell(event) {
      this.dispatchEvent(event);
      this.onmessage?.(event);
    }
    postMessage(data) {
      this.ready.then(() => {
        const event = new this.inside.MessageEvent("message", { data });
        this.inside.dispatchEvent(event);
        this.inside.onmessage?.(event);
      });
    }
    terminate() {
      this.frame.remove();
    }
  };
