/* Stands in for libedgetpu where there is no Edge TPU: it lists the devices named in EDGETPU_DEVICES ("usb,pci"), gives
   a delegate that takes no operator, so that LiteRT runs all of them, and notes the device asked for in EDGETPU_NOTE. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct edgetpu_device {
  int type;
  const char *path;
};

typedef struct Delegate {
  void *data;
  int (*prepare)(void *, struct Delegate *);
  void *copy_from;
  void *copy_to;
  void *free_handle;
  int64_t flags;
  void *builder;
} Delegate;

struct edgetpu_device *edgetpu_list_devices(size_t *count) {
  const char *named = getenv("EDGETPU_DEVICES");
  struct edgetpu_device *devices = calloc(8, sizeof *devices);
  *count = 0;
  while (named && *named) {
    int usb = strncmp(named, "usb", 3) == 0;
    devices[*count].type = usb;
    devices[(*count)++].path = usb ? "/sys/bus/usb/devices/2-1" : "/dev/apex_0";
    named = strchr(named, ',') ? strchr(named, ',') + 1 : NULL;
  }
  return devices;
}

void edgetpu_free_devices(struct edgetpu_device *devices) { free(devices); }

static int prepare(void *context, Delegate *delegate) { return 0; }

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  const char *named = getenv("EDGETPU_DEVICES");
  const char *asked = count ? values[0] : "any";
  FILE *note = fopen(getenv("EDGETPU_NOTE"), "a");
  fprintf(note, "%s=%s\n", count ? keys[0] : "", asked);
  fclose(note);
  if (!named || !*named || (count && !strstr(named, strncmp(asked, "usb", 3) ? "pci" : "usb"))) {
    report("no device");
    return NULL;
  }
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->prepare = prepare;
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }
