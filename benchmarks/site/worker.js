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
      inside.postMessage = (data) => {
        const event = new MessageEvent("message", { data: structuredClone(data) });
        setTimeout(() => this.tell(event)); // never within what asked
      };
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
      const copy = this.inside.structuredClone(data);
      const event = new this.inside.MessageEvent("message", { data: copy });
      this.ready.then(() => setTimeout(() => this.inside.dispatchEvent(event)));
    }
    terminate() {
      this.frame.remove();
    }
  };
